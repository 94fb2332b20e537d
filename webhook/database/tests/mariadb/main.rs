//! Inspecting, planning and applying on a real MariaDB server.

mod pairs;
