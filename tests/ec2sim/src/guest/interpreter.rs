//! A guest without a machine: it reads the user data and tells what a shell would have done.

use std::{borrow::Cow, io::Read, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use flate2::read::GzDecoder;
use serde::Deserialize;

use super::{
    Course, Facts, Guest, cksum,
    script::{Run, run},
};

/// Output lines of a failing step that are told on the console, and their greatest length in bytes.
const LOG_LINES: usize = 20;
const LOG_LINE_BYTES: usize = 200;

/// What a cleanup finds on a machine that has booted.
const CLEANED: [&str; 8] = [
    "random seed",
    "SSH host keys",
    "DHCP leases",
    "package caches",
    "temporary files",
    "cloud-init state",
    "machine-id",
    "logs",
];

/// More than any user data unpacks to that is meant to.
const UNPACKED_BYTES: u64 = 16 << 20;

/// The guest by default. Of a script it understands what `script` does; every step that is no script succeeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interpreter;

impl Guest for Interpreter {
    fn boot(&self, user_data: &[u8], facts: &Facts) -> Option<Course> {
        let unpacked = unpacked(user_data);
        let text = String::from_utf8_lossy(&unpacked);
        let mut console = Console::default();
        console.banner(facts);
        match nonce(&text) {
            // User data runs at the first boot of an instance only.
            _ if facts.boot > 1 => console.login(facts),
            Some(nonce) => console.customize(
                nonce,
                &steps(&text),
                text.ends_with("\ncleanup\nfinish succeeded\n"),
                facts,
            ),
            None if text.starts_with("#!") => console.plain_script(&text),
            None if text.starts_with("#cloud-config") => console.plain_script(&commands(&text)),
            None => console.login(facts),
        }
        Some(console.0)
    }
}

/// As cloud-init does: gzip is undone before anything is looked at.
fn unpacked(user_data: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Vec::new();
    match GzDecoder::new(user_data).take(UNPACKED_BYTES).read_to_end(&mut text) {
        Ok(_) => text.into(),
        Err(_) => user_data.into(),
    }
}

fn nonce(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("NONCE='")?.strip_suffix('\''))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Header {
    name: String,
    action: String,
    pub(super) timeout_seconds: Option<u64>,
}

pub(super) struct Step {
    pub(super) header: Header,
    /// The decoded script; `None` for other actions, which always succeed.
    pub(super) script: Option<String>,
}

/// The `#step` lines, those of scripts and files with the here-document that follows them.
pub(super) fn steps(text: &str) -> Vec<Step> {
    let packed = text.contains("\n  base64 -d | gzip -d\n");
    let mut lines = text.lines();
    let mut steps = Vec::new();
    while let Some(line) = lines.next() {
        let Some(header) = line.strip_prefix("#step ") else { continue };
        let Ok(header) = serde_json::from_str::<Header>(header) else { continue };
        if !matches!(header.action.as_str(), "script" | "file") {
            steps.push(Step { header, script: None });
            continue;
        }
        let document = lines.by_ref().skip_while(|line| !line.ends_with("<<'CONTENT'")).skip(1);
        let encoded: String = document.take_while(|line| *line != "CONTENT").map(str::trim).collect();
        let decoded = BASE64.decode(encoded).unwrap_or_default();
        let content = if packed { unpacked(&decoded) } else { decoded.as_slice().into() };
        let script = (header.action == "script").then(|| String::from_utf8_lossy(&content).into_owned());
        steps.push(Step { header, script });
    }
    steps
}

/// The commands of a cloud-config, without the forms that need a reader of YAML.
fn commands(config: &str) -> String {
    let listed = config.lines().skip_while(|line| line.trim_end() != "runcmd:").skip(1);
    let mut script: Vec<&str> = listed.map_while(|line| line.trim_start().strip_prefix("- ")).collect();
    if config.lines().any(|line| line.trim() == "mode: poweroff") {
        script.push("poweroff");
    }
    script.join("\n")
}

/// The course while it is written, at the time of its last line.
#[derive(Default)]
struct Console(Course, Duration);

impl Console {
    fn print(&mut self, line: impl Into<String>) {
        self.0.lines.push((self.1, line.into()));
    }

    fn banner(&mut self, facts: &Facts) {
        self.print("[    0.000000] Linux version 6.1.158-180.294.amzn2023 (mockbuild@ip-10-0-45-147)");
        self.print(format!("[    0.000000] DMI: Amazon EC2 {}/, BIOS 1.0 10/16/2017", facts.instance_type));
        self.print("[    2.310482] systemd[1]: Reached target multi-user.target - Multi-User System.");
        self.print(format!(
            "[    4.201733] cloud-init[1602]: instance {} of {}",
            facts.instance_id, facts.image_id
        ));
    }

    fn login(&mut self, facts: &Facts) {
        self.print(format!("{} login: ", facts.instance_id));
    }

    fn plain_script(&mut self, script: &str) {
        let run = run(script);
        let start = self.1;
        for (at, line) in run.output {
            self.1 = start + at;
            self.print(format!("[    5.000000] cloud-init[1633]: {line}"));
        }
        self.1 = start + run.off.unwrap_or(run.took);
        if run.off.is_some() {
            self.power_off();
        }
    }

    fn customize(&mut self, nonce: &str, steps: &[Step], cleanup: bool, facts: &Facts) {
        self.tell(nonce, &format!("begin {}", steps.len()));
        let succeeded = steps.iter().all(|step| self.step(nonce, step, facts));
        if succeeded && cleanup {
            for words in CLEANED {
                self.tell(nonce, &format!("cleaned {words}"));
            }
        }
        let verdict = if succeeded { "verdict succeeded" } else { "verdict failed" };
        for _ in 0..3 {
            self.tell(nonce, verdict);
        }
        self.power_off();
    }

    /// Answers whether the step succeeded.
    fn step(&mut self, nonce: &str, Step { header, script }: &Step, facts: &Facts) -> bool {
        let name = &header.name;
        self.tell(nonce, &format!("step {name} started"));
        if header.action == "reboot" {
            self.print("[   12.000000] reboot: Restarting system");
            self.banner(facts);
        }
        let run = script.as_deref().map(run).unwrap_or_default().within(header.timeout_seconds);
        let start = self.1;
        for (at, line) in &run.output {
            self.1 = start + *at;
            self.print(format!("[    6.000000] cloud-init[1633]: {line}"));
        }
        self.1 = start + run.took;
        let (code, seconds) = (run.exit_code, run.took.as_secs());
        let ending = if code == 0 { "succeeded" } else { "failed" };
        self.tell(nonce, &format!("step {name} {ending} {code} {seconds}"));
        if code != 0 {
            self.log(nonce, &run);
        }
        code == 0
    }

    fn log(&mut self, nonce: &str, run: &Run) {
        let skipped = run.output.len().saturating_sub(LOG_LINES);
        for (_, line) in run.output.iter().skip(skipped) {
            let bytes = line.as_bytes();
            let cut = bytes.get(..LOG_LINE_BYTES).unwrap_or(bytes);
            self.tell(nonce, &format!("log {}", BASE64.encode(cut)));
        }
    }

    /// One line of the protocol between the operator and its guests.
    fn tell(&mut self, nonce: &str, payload: &str) {
        self.print(format!("::ami-operator:{nonce}:{payload}:{}::", cksum(payload.as_bytes())));
    }

    fn power_off(&mut self) {
        self.print("[   12.000000] reboot: Power down");
        self.0.power_off = Some(self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(user_data: impl AsRef<[u8]>, boot: u32) -> Course {
        let facts = Facts {
            instance_id: "i-0123".to_owned(),
            image_id: "ami-0123".to_owned(),
            instance_type: "t3.micro".to_owned(),
            boot,
            disk: None,
        };
        Interpreter.boot(user_data.as_ref(), &facts).expect("it always can tell")
    }

    fn program(steps: &[(&str, &str)]) -> String {
        let step = |(name, script): &(&str, &str)| {
            let content = BASE64.encode(script);
            format!(
                "#step {{\"name\":\"{name}\",\"action\":\"script\"}}\nbase64 -d <<'CONTENT'\n{content}\nCONTENT\n"
            )
        };
        format!("#!/bin/sh\nNONCE='0123456789abcdef'\n{}", steps.iter().map(step).collect::<String>())
    }

    fn payloads(course: &Course) -> Vec<String> {
        let payload = |line: &String| {
            let rest = line.strip_prefix("::ami-operator:0123456789abcdef:")?.strip_suffix("::")?;
            Some(rest.rsplit_once(':')?.0.to_owned())
        };
        course.lines.iter().filter_map(|(_, line)| payload(line)).collect()
    }

    #[test]
    fn all_steps_succeed_and_the_machine_powers_off() {
        let course = boot(program(&[("one", "echo hello\nsleep 3"), ("two", "true")]), 1);
        assert_eq!(
            payloads(&course),
            [
                "begin 2",
                "step one started",
                "step one succeeded 0 3",
                "step two started",
                "step two succeeded 0 0",
                "verdict succeeded",
                "verdict succeeded",
                "verdict succeeded"
            ]
        );
        assert_eq!(course.power_off, Some(Duration::from_secs(3)));
    }

    #[test]
    fn the_first_failing_step_ends_the_program_with_its_log() {
        let course = boot(program(&[("bad", "echo 'no such file'\nexit 3"), ("never", "true")]), 1);
        let log = format!("log {}", BASE64.encode("no such file"));
        let told = payloads(&course);
        assert_eq!(told[1..5], ["step bad started", "step bad failed 3 0", &log, "verdict failed"]);
        assert!(course.power_off.is_some());
    }

    #[test]
    fn steps_that_are_no_scripts_succeed_and_a_restart_shows() {
        let text = "NONCE='0123456789abcdef'\n#step {\"name\":\"nginx\",\"action\":\"packages\"}\nstep 'nginx' built_in\n#step {\"name\":\"kernel\",\"action\":\"reboot\"}\nstep 'kernel' restart\n";
        let course = boot(text.to_owned() + &program(&[("last", "exit 1")]), 1);
        let told = payloads(&course);
        assert_eq!(told[..3], ["begin 3", "step nginx started", "step nginx succeeded 0 0"]);
        assert_eq!(told[3..6], ["step kernel started", "step kernel succeeded 0 0", "step last started"]);
        assert_eq!(course.lines.iter().filter(|(_, line)| line.contains("Linux version")).count(), 2);
    }

    #[test]
    fn a_script_ends_at_its_timeout() {
        let text = program(&[("slow", "echo before\nsleep 60\necho after")])
            .replace("\"script\"", "\"script\",\"timeoutSeconds\":5");
        let told = payloads(&boot(text, 1));
        assert_eq!(
            told[2..4],
            ["step slow failed 124 5".to_owned(), format!("log {}", BASE64.encode("before"))]
        );
    }

    #[test]
    fn a_cleanup_is_told_after_the_last_step_and_only_then() {
        let end = "\ncleanup\nfinish succeeded\n";
        let cleaned = |script: &str| {
            let told = payloads(&boot(program(&[("one", script)]) + end, 1));
            told.iter().filter(|payload| payload.starts_with("cleaned ")).count()
        };
        assert_eq!((cleaned("true"), cleaned("exit 1")), (CLEANED.len(), 0));
    }

    #[test]
    fn user_data_may_be_compressed() {
        use std::io::Write;
        let text = program(&[("one", "sleep 3")]);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        assert_eq!(boot(encoder.finish().unwrap(), 1), boot(text, 1));
    }

    #[test]
    fn contents_may_be_compressed_one_by_one() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(b"exit 7").unwrap();
        let text = program(&[("one", "true")])
            .replace(&BASE64.encode("true"), &BASE64.encode(encoder.finish().unwrap()));
        let told = payloads(&boot(format!("unpack() {{\n  base64 -d | gzip -d\n}}\n{text}"), 1));
        assert_eq!(told[2], "step one failed 7 0");
    }

    #[test]
    fn user_data_of_others_keeps_the_machine_running() {
        assert_eq!(boot("#cloud-config\npackages: [vim]", 1).power_off, None);
    }

    #[test]
    fn a_script_of_others_may_power_off() {
        let course = boot("#!/bin/bash\nsleep 5\nsudo shutdown -h now\n", 1);
        assert_eq!(course.power_off, Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_machine_may_be_told_to_power_off_later() {
        assert_eq!(boot("#!/bin/sh\n/sbin/shutdown -h +5", 1).power_off, Some(Duration::from_mins(5)));
        assert_eq!(boot("#!/bin/sh\nshutdown -r now", 1).power_off, None);
    }

    #[test]
    fn a_cloud_config_may_power_off() {
        let config =
            "#cloud-config\nruncmd:\n  - echo ready > /dev/console\npower_state:\n  mode: poweroff\n";
        let course = boot(config, 1);
        assert!(course.lines.iter().any(|(_, line)| line.ends_with(": ready")));
        assert_eq!(course.power_off, Some(Duration::ZERO));
    }

    #[test]
    fn what_is_written_to_the_console_is_seen_and_what_goes_into_a_file_is_not() {
        let script = "#!/bin/sh\necho 'one two' > /dev/console\necho three >/dev/ttyS0\necho four | tee /dev/console\necho five > /x";
        let course = boot(script, 1);
        let told: Vec<&str> = course
            .lines
            .iter()
            .filter_map(|(_, line)| line.split_once("[1633]: "))
            .map(|(_, text)| text)
            .collect();
        assert_eq!(told, ["one two", "three", "four"]);
    }

    #[test]
    fn user_data_does_not_run_again_after_a_stop() {
        assert_eq!(boot(program(&[("one", "true")]), 2).power_off, None);
    }
}
