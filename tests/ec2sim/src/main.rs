//! The server: `ec2sim serve`.
#![forbid(unsafe_code)]

mod bench;
mod process;

use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand, ValueEnum};
use ec2sim::{
    buckets::Buckets,
    core::{Sim, clock::Clock, profile::Profile, world::World},
    front::{Front, http},
    guest::{Guest, Interpreter, MachinesWhereThereAreDisks},
    iam::Iam,
    machines::{Machines, Settings},
};
use jiff::Timestamp;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// A stand-in for Amazon EC2, SSM and STS, for tests and demonstrations
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests until SIGTERM or Ctrl-C
    Serve(Serve),
    /// Connect standard input and output with a port
    #[command(hide = true)]
    Relay {
        /// Where the port is
        to: SocketAddr,
    },
    /// Become a program that ends when the process (on Linux: the thread) that started it ends
    #[command(hide = true)]
    Machine {
        /// The process that starts it
        #[arg(long)]
        parent: u32,
        /// The program with its arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Measure how fast images are listed
    Bench {
        /// Images in the region that is listed
        #[arg(long, default_value_t = 10_000)]
        images: usize,
    },
}

#[derive(clap::Args)]
struct Serve {
    /// Where to listen; port 0 takes a free one, which the first line of the output names
    #[arg(long, default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// How long EC2's asynchronous work takes
    #[arg(long, value_enum, default_value_t = ProfileName::Demo)]
    profile: ProfileName,
    /// How many times faster than real time the clock goes
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// A manual clock stands still until `POST /_emu/clock` advances it
    #[arg(long, value_enum, default_value_t = ClockName::Real)]
    clock: ClockName,
    /// What ids and delays are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What runs in instances; real machines run those whose image has a disk
    #[arg(long, value_enum, default_value_t = GuestsName::Interpreter)]
    guests: GuestsName,
    /// The systems that real machines boot, as tests/guests/install.sh makes them
    #[arg(long, required_if_eq("guests", "qemu"))]
    systems: Option<PathBuf>,
    /// Where real machines have their disks; emptied at the start
    #[arg(long, required_if_eq("guests", "qemu"))]
    state: Option<PathBuf>,
    /// Throttle calls as AWS does: token buckets by account, region and action
    #[arg(long)]
    buckets: bool,
    /// Check permissions by the policy documents (*.json) of this directory
    #[arg(long, value_name = "DIR")]
    iam: Option<PathBuf>,
    /// Whose permissions are checked: a glob on ARNs; all others may do everything
    #[arg(long, value_name = "GLOB", default_value = "*", requires = "iam")]
    iam_principal: String,
    /// Stop when the process (on Linux: the thread) that started this one is gone
    #[arg(long)]
    die_with_parent: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProfileName {
    Test,
    Demo,
    Real,
}

#[derive(Clone, Copy, ValueEnum)]
enum ClockName {
    Real,
    Manual,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GuestsName {
    Interpreter,
    Qemu,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(settings) => serve(settings).await,
        Command::Relay { to } => process::relay(to),
        Command::Machine { parent, command } => process::become_machine(parent, &command),
        Command::Bench { images } => bench::run(images),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ec2sim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: Serve) -> io::Result<()> {
    if settings.die_with_parent {
        process::end_with_parent(rustix::process::Signal::TERM)?;
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let front = Arc::new(front(&settings)?);
    let listener = TcpListener::bind(settings.listen).await?;
    if settings.guests == GuestsName::Qemu {
        run_machines(&front, &settings)?;
    }
    announce(listener.local_addr()?)?;
    tokio::select! {
        result = http::serve(listener, front) => result,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn front(settings: &Serve) -> io::Result<Front> {
    let clock = match settings.clock {
        ClockName::Real => Clock::real(settings.speed),
        ClockName::Manual => Clock::manual(Timestamp::now()),
    };
    let profile = match settings.profile {
        ProfileName::Test => Profile::test(),
        ProfileName::Demo => Profile::demo(),
        ProfileName::Real => Profile::real(),
    };
    let now = clock.now();
    let guest: Box<dyn Guest> = match settings.guests {
        GuestsName::Interpreter => Box::new(Interpreter),
        GuestsName::Qemu => Box::new(MachinesWhereThereAreDisks),
    };
    let sim = Sim::with_guest(World::new(settings.seed, now), now, profile, guest);
    let iam = settings.iam.as_deref().map(|dir| policies(dir, &settings.iam_principal)).transpose()?;
    sim.gate(|gate| {
        gate.buckets = settings.buckets.then(Buckets::default);
        gate.iam = iam;
    });
    Ok(Front::new(Arc::new(sim), clock))
}

/// The policy documents of a directory.
fn policies(dir: &Path, principal: &str) -> io::Result<Iam> {
    let mut documents = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let document = serde_json::from_str(&fs::read_to_string(&path)?)
                .map_err(|error| io::Error::other(format!("{name}: {error}")))?;
            documents.push((name, document));
        }
    }
    if documents.is_empty() {
        return Err(io::Error::other(format!("{} holds no policy document", dir.display())));
    }
    documents.sort_by(|(one, _), (other, _)| one.cmp(other));
    Iam::new(&documents, principal).map_err(io::Error::other)
}

fn run_machines(front: &Front, settings: &Serve) -> io::Result<()> {
    let (Some(systems), Some(state)) = (settings.systems.clone(), settings.state.clone()) else {
        return Err(io::Error::other("--guests qemu needs --systems and --state"));
    };
    let program = std::env::current_exe()?;
    Machines::run(front.sim.clone(), front.clock.clone(), Settings { systems, state, program })
}

/// Who started the server waits for this line: it must not stay in a buffer.
fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "listening on http://{address}")?;
    out.flush()
}
