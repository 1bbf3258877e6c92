//! What this program does as a process beside the server.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    os::unix::process::{CommandExt, parent_id},
    process::Command,
    thread,
};

use rustix::process::{Signal, set_parent_process_death_signal};

/// (prctl(2), `PR_SET_PDEATHSIG`)
pub fn end_with_parent(signal: Signal) -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(signal))?)
}

/// Replaces this process. The wish to end with the parent survives that, and could not be expressed by the parent itself
/// without code that runs between fork and exec.
///
/// # Errors
/// The program cannot be run, or `parent` ended before it could be wished for: no signal would come of that any more.
pub fn become_machine(parent: u32, command: &[OsString]) -> io::Result<()> {
    end_with_parent(Signal::KILL)?;
    if parent_id() != parent {
        return Err(io::Error::other(format!("process {parent}, which wanted this machine, is gone")));
    }
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Err(Command::new(program).args(arguments).exec())
}

/// Copies in both directions until the port's side has ended.
pub fn relay(to: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(to)?;
    let mut there = stream.try_clone()?;
    thread::spawn(move || {
        // A side that is gone shows in the other direction too.
        let _ = copy(&mut io::stdin(), &mut there);
        let _ = there.shutdown(Shutdown::Write);
    });
    copy(&mut &stream, &mut io::stdout())
}

/// `io::copy` would hold back what does not end a line, on standard output.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(buffer.get(..length).unwrap_or_default())?;
        to.flush()?;
    }
}
