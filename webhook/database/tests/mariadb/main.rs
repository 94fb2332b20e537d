//! Inspecting, planning and applying on a real MariaDB server, and on a MySQL 8 where one is named.

mod law;
mod pairs;
mod servers;
mod session;
