//! From `kubectl apply` to AMI ids in three regions, on this machine: a real Kubernetes API, ec2sim and the operator as
//! its own `ServiceAccount`. `demo down` ends what `KEEP=1 demo` left running.

mod kept;
mod progress;
mod proof;
mod screen;
mod world;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::{Guests, wait_for};

use crate::progress::{Verdict, rows, verdict};
use crate::screen::Screen;
use crate::world::World;

/// EC2's own delays are 61 s; a machine that compiles beside it may need several times that.
const TIMEOUT: Duration = Duration::from_mins(5);
/// An emulated machine boots and customizes itself in two minutes on an idle processor.
const MACHINE_TIMEOUT: Duration = Duration::from_mins(30);
const TICK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let down = std::env::args().nth(1).as_deref() == Some("down");
    match if down { kept::end() } else { run() } {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ndemo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    kept::refuse_a_second()?;
    let begin = Instant::now();
    let mut world = World::start()?;
    println!("up in {:.1} s\n", begin.elapsed().as_secs_f32());
    let result = build_and_show(&mut world);
    if result.is_err() {
        println!("\nthe operator's log ends with\n{}", world.operator_log_tail());
    }
    if std::env::var_os("KEEP").is_some_and(|value| !value.is_empty() && value != "0") {
        kept::keep(&world)?;
        return result;
    }
    result.and(world.stop())
}

fn build_and_show(world: &mut World) -> Result<()> {
    println!("$ kubectl apply --namespace images -f {}", world::sample());
    println!("{}", world.apply_samples()?);
    follow(world)?;
    println!("\n$ kubectl get imagebuilds,imagereplications --namespace images");
    println!("{}", world.kubectl.run(&["get", "imagebuilds,imagereplications"])?);
    println!("{}", world.image_table()?);
    println!("as EC2 sees it:");
    proof::print(world)
}

fn follow(world: &mut World) -> Result<()> {
    let timeout = match world::guests() {
        Guests::Interpreter => TIMEOUT,
        Guests::Machines => MACHINE_TIMEOUT,
    };
    let mut screen = Screen::new();
    let mut last = Verdict::Going;
    let finished = wait_for("the images", timeout, || {
        world.check_alive()?;
        let objects = world.objects()?;
        screen.show(&rows(&objects));
        last = verdict(&objects);
        std::thread::sleep(TICK);
        Ok((last != Verdict::Going).then_some(()))
    });
    finished.context("the images are not there")?;
    match last {
        Verdict::Ready | Verdict::Going => Ok(()),
        Verdict::Stalled(message) => bail!("{message}"),
    }
}
