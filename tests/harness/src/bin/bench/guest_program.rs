//! What travels to a guest and back: bytes of user data, and how fast a console is read.

use std::time::Instant;

use ami_operator::api::image_build::{Customize, Script, Step};
use ami_operator::customize::{Contents, read_verdict, sizes};
use ami_operator::model::{ClientToken, Nonce};

const STEPS: [usize; 3] = [1, 10, 50];
/// What EC2 keeps of a console.
const CONSOLE_BYTES: usize = 64 * 1024;
const READINGS: u32 = 500;

pub fn print() {
    for steps in STEPS {
        let (text, compressed) = sizes(&customize(steps), &Contents::default(), &nonce());
        println!(
            "| user data of small scripts, {steps} steps | {text} bytes as text, {compressed} compressed |"
        );
    }
    println!("| a console of 64 KiB is read at | {:.0} MB/s |", megabytes_a_second());
}

fn customize(steps: usize) -> Customize {
    let script = |number| Script {
        inline: Some(format!("systemctl enable --quiet app-{number}.service\n")),
        ..Script::default()
    };
    let step =
        |number| Step { name: format!("step-{number}"), script: Some(script(number)), ..Step::default() };
    Customize { steps: (0..steps).map(step).collect(), ..Customize::default() }
}

fn nonce() -> Nonce {
    Nonce::for_token(&ClientToken("bench".to_owned()))
}

/// Of a console that holds everything which makes work: the kernel's lines, and lines that look like ours and are not.
fn megabytes_a_second() -> f64 {
    let nonce = nonce();
    let lines = format!(
        "[    4.201733] cloud-init[1602]: a line of somebody else's, as long as such lines are\r\n::ami-operator:{nonce}:step one started:1::\r\n"
    );
    let console = lines.repeat(CONSOLE_BYTES / lines.len());
    let begin = Instant::now();
    for _ in 0..READINGS {
        std::hint::black_box(read_verdict(std::hint::black_box(&console), &nonce));
    }
    #[allow(clippy::cast_precision_loss, reason = "a size of less than 2^52")]
    let bytes = console.len() as f64 * f64::from(READINGS);
    bytes / 1e6 / begin.elapsed().as_secs_f64()
}
