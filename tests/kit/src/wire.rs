//! A wire to a server of this machine, that a test cuts or holds still.
//!
//! What a program leaves behind that dies between two of its questions is tried at exactly that question: from there on nothing more goes to the server, the test kills
//! the program, and nobody has to wait for a clock.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;

type Rule = Mutex<dyn FnMut(&[u8]) -> bool + Send>;

/// Passes everything on. Its threads end with its connections.
#[derive(Debug)]
pub struct Wire {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    held: Arc<AtomicBool>,
}

impl Wire {
    /// One to a port of loopback.
    ///
    /// # Errors
    /// There is no port for it.
    pub fn to(server: u16) -> anyhow::Result<Self> {
        Self::until(server, |_| false)
    }

    /// One that is still from the first message to the server of which `stop` says so; that one does not arrive.
    ///
    /// # Errors
    /// As [`Wire::to`].
    pub fn until(
        server: u16,
        stop: impl FnMut(&[u8]) -> bool + Send + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("listening")?;
        let port = listener.local_addr().context("listening")?.port();
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let held: Arc<AtomicBool> = Arc::default();
        let (streams, is_held, stop) = (open.clone(), held.clone(), Arc::new(Mutex::new(stop)));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok([forth, back]) = connected(&streams, client, server) else {
                    return;
                };
                let (is_held, stop): (_, Arc<Rule>) = (is_held.clone(), stop.clone());
                std::thread::spawn(move || pass(back, |_| true));
                std::thread::spawn(move || {
                    pass(forth, |message| {
                        let mut stop = stop.lock().unwrap_or_else(PoisonError::into_inner);
                        let holds = is_held.load(Ordering::Acquire) || stop(message);
                        is_held.store(holds, Ordering::Release);
                        !holds
                    });
                });
            }
        });
        Ok(Self { port, open, held })
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is still.
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire)
    }

    /// Ends all connections.
    pub fn cut(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
    }
}

/// From where to where.
type Way = (TcpStream, TcpStream);

fn connected(
    open: &Mutex<Vec<TcpStream>>,
    client: TcpStream,
    server: u16,
) -> std::io::Result<[Way; 2]> {
    let server = TcpStream::connect(("127.0.0.1", server))?;
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    open.extend([client.try_clone()?, server.try_clone()?]);
    let back = (server.try_clone()?, client.try_clone()?);
    Ok([(client, server), back])
}

/// Passes on what may go. What may not is swallowed, and so is all behind it.
fn pass((mut from, mut to): Way, mut may: impl FnMut(&[u8]) -> bool) {
    let mut bytes = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let message = bytes.get(..read).unwrap_or_default();
        if may(message) && to.write_all(message).is_err() {
            break;
        }
    }
    // Who says goodbye waits for the other to hang up.
    let _ = to.shutdown(Shutdown::Write);
}
