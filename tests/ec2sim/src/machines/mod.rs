//! Real machines behind instances: QEMU boots the disks that images have.
//!
//! The core tells nobody what to do. One thread looks at the world a few times a second, makes the machines follow the
//! states of their instances, and tells the world what they do by themselves. So no request waits for a machine, a
//! call that is refused starts nothing, and whatever changes the world (also a reset) changes the machines.

mod layers;
mod machine;
mod report;
mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::runtime::Handle;

use self::{
    layers::{Layers, Opened},
    machine::{Hardware, Machine},
    report::{End, Report},
    server::Server,
};
use crate::{
    core::{
        Sim,
        clock::Clock,
        records::{Disk, Instance, InstanceState, Snapshot},
        world::{Region, World},
    },
    imds,
};

/// Short against everything that machines do.
const TICK: Duration = Duration::from_millis(100);
/// How long a system may take to power off after the button was pressed, before its power is cut.
const PATIENCE: Duration = Duration::from_mins(3);

/// Where things are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `<system>/{disk.qcow2,vmlinuz,initrd.img}`, and `repository/` with packages that the systems can install.
    pub systems: PathBuf,
    /// Disks and logs of machines. What an earlier run left there is removed.
    pub state: PathBuf,
    /// The binary of this program, which QEMU and the machines are started by.
    pub program: PathBuf,
}

/// The machines that there are.
pub struct Machines {
    sim: Arc<Sim>,
    clock: Clock,
    settings: Settings,
    runtime: Handle,
    packages: Server,
    layers: Layers,
    running: BTreeMap<String, Machine>,
}

impl Machines {
    /// Starts the thread. Must be called in a tokio runtime, which serves what the machines ask for.
    ///
    /// # Errors
    /// If the directories cannot be made or read.
    pub fn run(sim: Arc<Sim>, clock: Clock, settings: Settings) -> io::Result<()> {
        let runtime = Handle::current();
        // Said at once, and not by machines that do not start.
        std::fs::read_dir(&settings.systems)?;
        let packages = Server::files(&runtime, settings.systems.join("repository"))?;
        let layers = Layers::new(settings.state.join("disks"))?;
        let mut machines = Self { sim, clock, settings, runtime, packages, layers, running: BTreeMap::new() };
        thread::Builder::new().name("machines".to_owned()).spawn(move || {
            loop {
                machines.pass();
                thread::sleep(TICK);
            }
        })?;
        Ok(())
    }

    fn pass(&mut self) {
        let now = self.clock.now();
        let reports = self.running.iter_mut().filter_map(|(id, machine)| hear(id, machine)).collect();
        self.tell(now, reports);
        let world = self.sim.world();
        // Before anything boots or goes: a snapshot is of the moment at which it was asked for.
        self.keep_snapshots(&world);
        self.end_all_but(&world, now);
        let reports = self.follow(&world, now);
        self.tell(now, reports);
        self.layers.release(&volumes(&world, now), &snapshots(&world, now));
    }

    fn tell(&mut self, now: Timestamp, reports: Vec<Report>) {
        if reports.is_empty() {
            return;
        }
        for report in reports.iter().filter(|report| report.end.is_some()) {
            self.running.remove(&report.instance);
        }
        let stop = self.sim.knobs().profile.stop;
        self.sim.change(now, |world| {
            for report in reports {
                report::tell(world, now, stop, report);
            }
        });
    }

    fn keep_snapshots(&mut self, world: &World) {
        for snapshot in world.regions.values().flat_map(|region| region.snapshots.values()) {
            if !is_first_copy(snapshot) || self.layers.has_kept(&snapshot.id) {
                continue;
            }
            self.layers.keep(&snapshot.volume_id, &snapshot.id);
            let mut running = self.running.values_mut();
            if let Some(machine) = running.find(|machine| machine.hardware.volume == snapshot.volume_id) {
                machine.write_to(&self.layers.branch(&snapshot.volume_id));
            }
        }
    }

    /// Ends the machines of instances that are terminated, or that the world does not have any more.
    fn end_all_but(&mut self, world: &World, now: Timestamp) {
        let alive: BTreeSet<&str> = instances(world)
            .filter(|(_, instance)| !is_going(instance.state(now)))
            .map(|(_, instance)| instance.id.as_str())
            .collect();
        self.running.retain(|id, _| alive.contains(id.as_str()));
    }

    fn follow(&mut self, world: &World, now: Timestamp) -> Vec<Report> {
        let real = instances(world).filter(|(_, instance)| instance.is_machine);
        let mut reports = Vec::new();
        for (region, instance) in real {
            match (instance.state(now), self.running.get_mut(&instance.id)) {
                (InstanceState::Running, None) => reports.extend(self.boot(region, instance)),
                (InstanceState::Stopping, Some(machine)) => machine.power_off(PATIENCE),
                // It was told to stop before it was started.
                (InstanceState::Stopping, None) => reports.push(Report::of(instance, End::PoweredOff)),
                (
                    InstanceState::Pending
                    | InstanceState::Running
                    | InstanceState::ShuttingDown
                    | InstanceState::Stopped
                    | InstanceState::Terminated,
                    _,
                ) => {}
            }
        }
        reports
    }

    /// The report that it is not possible, if it is not.
    fn boot(&mut self, region: &Region, instance: &Instance) -> Option<Report> {
        match self.try_boot(region, instance) {
            Ok(machine) => {
                self.running.insert(instance.id.clone(), machine);
                None
            }
            Err(error) => Some(Report::of(instance, End::Crashed(error.to_string()))),
        }
    }

    fn try_boot(&mut self, region: &Region, instance: &Instance) -> io::Result<Machine> {
        let root = instance.root_volume().and_then(|id| region.volumes.get(id));
        let (root, disk) = root
            .and_then(|volume| Some((volume, volume.disk.as_ref()?)))
            .ok_or_else(|| io::Error::other("the root volume has no disk"))?;
        let system = self.settings.systems.join(&disk.system);
        let Opened { file, over } = self.layers.open(root, &system.join("disk.qcow2"))?;
        if let Some(over) = over {
            machine::make_disk(&file, &over, root.size)?;
        }
        let metadata = self.metadata(&instance.id)?;
        let hardware = Hardware {
            boot: instance.boots,
            instance: instance.id.clone(),
            mac_address: instance.primary.mac_address.clone(),
            volume: root.id.clone(),
            disk: file,
            system,
            directory: self.settings.state.join(&instance.id),
            program: self.settings.program.clone(),
            metadata: metadata.address,
            packages: self.packages.address,
        };
        Machine::start(hardware, metadata)
    }

    fn metadata(&self, instance_id: &str) -> io::Result<Server> {
        let (sim, clock, id) = (self.sim.clone(), self.clock.clone(), instance_id.to_owned());
        Server::start(&self.runtime, move |request| imds::answer(&sim.world(), clock.now(), &id, request))
    }
}

fn hear(id: &str, machine: &mut Machine) -> Option<Report> {
    // In this order: what it printed last is in the file when it has ended.
    let end = machine.end();
    let printed = machine.printed();
    let report = Report { instance: id.to_owned(), boot: machine.hardware.boot, printed, end };
    (report.end.is_some() || !report.printed.is_empty()).then_some(report)
}

fn instances(world: &World) -> impl Iterator<Item = (&Region, &Instance)> {
    let regions = world.regions.values();
    regions.flat_map(|region| region.instances.values().map(|instance| (&**region, &**instance)))
}

fn is_going(state: InstanceState) -> bool {
    matches!(state, InstanceState::ShuttingDown | InstanceState::Terminated)
}

/// True for a snapshot of a volume, false for its copies and for the systems as they were installed.
fn is_first_copy(snapshot: &Snapshot) -> bool {
    snapshot.disk.as_ref().and_then(|disk| disk.kept_by.as_ref()) == Some(&snapshot.id)
}

/// The volumes that exist: without those that went with their instances.
fn volumes(world: &World, now: Timestamp) -> BTreeSet<&str> {
    let regions = world.regions.values();
    let all = regions.flat_map(|region| region.volumes.values().map(move |volume| (region, volume)));
    let exist = all.filter(|(region, volume)| region.has_volume(volume, now));
    exist.map(|(_, volume)| volume.id.as_str()).collect()
}

/// The snapshots whose disks are needed, by themselves, their copies, or by volumes that were not used yet.
fn snapshots(world: &World, now: Timestamp) -> BTreeSet<&str> {
    let volumes = volumes(world, now);
    let regions = world.regions.values();
    let needed = regions.flat_map(|region| {
        let of_volumes = region.volumes.values().filter(|volume| volumes.contains(volume.id.as_str()));
        let of_snapshots = region.snapshots.values().map(|snapshot| &snapshot.disk);
        of_volumes.map(|volume| &volume.disk).chain(of_snapshots).collect::<Vec<_>>()
    });
    needed.flatten().filter_map(|disk: &Disk| disk.kept_by.as_deref()).collect()
}
