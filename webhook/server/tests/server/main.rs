//! The server as its callers see it: the router without a socket, and the whole of it over real TLS on loopback.

mod connections;
mod drain;
mod protocol;
mod support;
mod tls;
