//! What machines do by themselves, told to the world.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    core::{
        records::{Instance, InstanceState, Phase, StateReason},
        world::World,
    },
    ec2::instances::{CONSOLE_BUFFER, power_off_phases},
};

#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    pub instance: String,
    /// The boot that it is of: an instance that was started again has nothing to do with it.
    pub boot: u32,
    pub printed: Vec<u8>,
    pub end: Option<End>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum End {
    PoweredOff,
    /// And why.
    Crashed(String),
}

impl Report {
    pub fn of(instance: &Instance, end: End) -> Self {
        Self { instance: instance.id.clone(), boot: instance.boots, printed: Vec::new(), end: Some(end) }
    }
}

/// `stop` is how long EC2 takes from a machine's power-off to `stopped`.
pub fn tell(world: &mut World, now: Timestamp, stop: Duration, report: Report) {
    let mut regions =
        world.regions.iter().filter(|(_, region)| region.instances.contains_key(&report.instance));
    let Some(region) = regions.next().map(|(name, _)| name.clone()) else { return };
    let Some(instance) = world.region_mut(&region).instances.get_mut(&report.instance) else { return };
    if instance.boots != report.boot {
        return;
    }
    let instance = Arc::make_mut(instance);
    print(instance, now, report.printed);
    match report.end {
        None => {}
        Some(End::PoweredOff) => powered_off(instance, now, stop),
        Some(End::Crashed(why)) => crashed(instance, now, &why),
    }
}

/// More than the console's buffer is not kept.
fn print(instance: &mut Instance, now: Timestamp, bytes: Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    instance.console.push_back((now, bytes.into()));
    let mut size: usize = instance.console.iter().map(|(_, bytes)| bytes.len()).sum();
    while let Some((_, oldest)) = instance.console.front().filter(|(_, it)| size - it.len() >= CONSOLE_BUFFER)
    {
        size -= oldest.len();
        instance.console.pop_front();
    }
}

fn powered_off(instance: &mut Instance, now: Timestamp, stop: Duration) {
    match instance.state(now) {
        InstanceState::Pending | InstanceState::Running => power_off_phases(instance, now, stop),
        InstanceState::Stopping => {
            let asked = instance.phase(now).clone();
            let stopped = Phase { from: now, state: InstanceState::Stopped, ..asked };
            instance.interrupt(now);
            instance.phases.push(stopped);
        }
        InstanceState::ShuttingDown | InstanceState::Stopped | InstanceState::Terminated => {}
    }
}

fn crashed(instance: &mut Instance, now: Timestamp, why: &str) {
    let code = "Server.InternalError";
    let reason = StateReason::new(code, format!("{code}: {why}"));
    instance.phases.push(Phase {
        from: now,
        state: InstanceState::Terminated,
        reason: Some(reason),
        transition: String::new(),
    });
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD as BASE64};

    use super::*;
    use crate::lab::Lab;

    struct Machine {
        lab: Lab,
        id: String,
    }

    impl Machine {
        /// An instance that runs.
        fn new() -> Self {
            let lab = Lab::with_machines();
            let id = lab.launch(&[("ImageId", &lab.base("debian-12"))]);
            lab.wait(10);
            Self { lab, id }
        }

        fn tell(&self, boot: u32, printed: &[u8], end: Option<End>) {
            let report = Report { instance: self.id.clone(), boot, printed: printed.to_vec(), end };
            let now = self.lab.now();
            self.lab.sim.change(now, |world| tell(world, now, Duration::from_secs(5), report));
        }

        fn state(&self) -> String {
            self.lab.instance_state(&self.id)
        }

        fn reason(&self) -> Option<String> {
            self.lab.of_instance(&self.id, "stateReason/code")
        }

        fn console(&self, latest: &str) -> Vec<u8> {
            let parameters = [("InstanceId", self.id.as_str()), ("Latest", latest)];
            let answer = self.lab.call("GetConsoleOutput", &parameters);
            BASE64.decode(answer.find_text("output").unwrap_or_default()).expect("base64")
        }
    }

    #[test]
    fn who_powers_off_by_itself_is_stopped_a_while_later() {
        let machine = Machine::new();
        machine.lab.wait(3600);
        assert_eq!(machine.state(), "running");
        machine.tell(1, b"", Some(End::PoweredOff));
        assert_eq!(machine.state(), "stopping");
        machine.lab.wait(5);
        assert_eq!(machine.state(), "stopped");
        assert_eq!(machine.reason().as_deref(), Some("Client.InstanceInitiatedShutdown"));
    }

    #[test]
    fn who_is_told_to_stop_is_stopped_when_it_says_so() {
        let machine = Machine::new();
        machine.lab.call("StopInstances", &[("InstanceId.1", &machine.id)]);
        machine.lab.wait(3600);
        assert_eq!(machine.state(), "stopping");
        machine.tell(1, b"", Some(End::PoweredOff));
        assert_eq!(machine.state(), "stopped");
        assert_eq!(machine.reason().as_deref(), Some("Client.UserInitiatedShutdown"));
    }

    #[test]
    fn what_was_started_again_does_not_hear_of_its_earlier_boot() {
        let machine = Machine::new();
        machine.tell(1, b"", Some(End::PoweredOff));
        machine.lab.wait(5);
        machine.lab.call("StartInstances", &[("InstanceId.1", &machine.id)]);
        machine.lab.wait(10);
        machine.tell(1, b"late", Some(End::PoweredOff));
        assert_eq!((machine.state().as_str(), machine.console("true").len()), ("running", 0));
    }

    #[test]
    fn a_machine_that_cannot_run_is_terminated_with_the_reason() {
        let machine = Machine::new();
        machine.tell(1, b"", Some(End::Crashed("no such disk".to_owned())));
        let message = machine.lab.of_instance(&machine.id, "stateReason/message");
        assert_eq!(
            (machine.state().as_str(), message.as_deref()),
            ("terminated", Some("Server.InternalError: no such disk"))
        );
    }

    #[test]
    fn the_console_has_the_last_bytes_at_once_if_the_latest_is_asked_for() {
        let machine = Machine::new();
        machine.tell(1, &[b'a'; 1000], None);
        machine.tell(1, &vec![b'b'; CONSOLE_BUFFER], None);
        machine.tell(1, &[0xff, b'c'], None);
        let latest = machine.console("true");
        assert_eq!((latest.len(), latest.ends_with(&[b'b', 0xff, b'c'])), (CONSOLE_BUFFER, true));
        assert!(machine.console("false").is_empty());
        machine.lab.wait(3);
        assert_eq!(machine.console("false"), latest);
    }

    #[test]
    fn an_image_and_its_copies_have_the_disk_that_the_snapshot_keeps() {
        let machine = Machine::new();
        let image = machine.lab.image_of(&machine.id, "one");
        machine.lab.wait(60);
        let snapshot = machine.lab.snapshot(&image);
        let far = machine.lab.region("eu-west-1");
        let copy = far.copy(&image, &[]).expect("copied");
        far.wait(60);
        let world = machine.lab.sim.world();
        let kept_by = |region: &str, id: &str| {
            let disk = world.region(region).snapshots.get(id).and_then(|it| it.disk.clone());
            disk.map(|disk| (disk.system, disk.kept_by))
        };
        let disk = Some(("debian-12".to_owned(), Some(snapshot.clone())));
        assert_eq!(kept_by("us-east-1", &snapshot), disk);
        assert_eq!(kept_by("eu-west-1", &far.snapshot(&copy)), disk);
    }
}
