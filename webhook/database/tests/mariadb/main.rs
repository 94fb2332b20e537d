//! Inspecting, planning and applying on a real MariaDB server.

mod law;
mod pairs;
mod session;
