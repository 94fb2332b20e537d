//! Applications, projects, schemas and migrations as plain data: parse, don't validate.
