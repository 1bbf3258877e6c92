//! Disks as layers of copies on write.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use crate::core::records::Volume;

/// The layer that a volume writes to. One that a snapshot keeps is never written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Top {
    layer: u64,
    kept: bool,
}

/// A file to write to.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    pub file: PathBuf,
    /// What it has to be made over, if it is not there yet.
    pub over: Option<PathBuf>,
}

/// Layers by number, each over another or over a system as it was installed.
#[derive(Debug)]
pub struct Layers {
    directory: PathBuf,
    made: u64,
    /// What each layer is over; `None` is a system.
    below: BTreeMap<u64, Option<u64>>,
    volumes: BTreeMap<String, Top>,
    snapshots: BTreeMap<String, u64>,
}

impl Layers {
    /// Empties the directory.
    pub fn new(directory: PathBuf) -> io::Result<Self> {
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        Ok(Self {
            directory,
            made: 0,
            below: BTreeMap::new(),
            volumes: BTreeMap::new(),
            snapshots: BTreeMap::new(),
        })
    }

    fn path(&self, layer: u64) -> PathBuf {
        self.directory.join(format!("{layer}.qcow2"))
    }

    pub fn has_kept(&self, snapshot: &str) -> bool {
        self.snapshots.contains_key(snapshot)
    }

    /// Where a machine with this root volume writes.
    pub fn open(&mut self, volume: &Volume, installed: &Path) -> io::Result<Opened> {
        let kept_by = volume.disk.as_ref().and_then(|disk| disk.kept_by.as_deref());
        let below = match (self.volumes.get(&volume.id), kept_by) {
            (Some(top), _) if !top.kept => return Ok(Opened { file: self.path(top.layer), over: None }),
            (Some(top), _) => Some(top.layer),
            (None, Some(snapshot)) => Some(*self.snapshots.get(snapshot).ok_or_else(|| {
                io::Error::other(format!("{snapshot} is not of the root volume of a machine"))
            })?),
            (None, None) => None,
        };
        let over = below.map_or_else(|| installed.to_owned(), |layer| self.path(layer));
        let layer = self.put(&volume.id, below);
        Ok(Opened { file: self.path(layer), over: Some(over) })
    }

    fn put(&mut self, volume: &str, below: Option<u64>) -> u64 {
        self.made += 1;
        self.below.insert(self.made, below);
        self.volumes.insert(volume.to_owned(), Top { layer: self.made, kept: false });
        self.made
    }

    /// Lets a snapshot be what is on a volume now. Does nothing for volumes that no machine ever had.
    pub fn keep(&mut self, volume: &str, snapshot: &str) {
        if let Some(top) = self.volumes.get_mut(volume) {
            top.kept = true;
            self.snapshots.insert(snapshot.to_owned(), top.layer);
        }
    }

    /// Where a machine that runs has to write from now on, because a snapshot keeps what it has written: a file that
    /// QEMU makes itself.
    pub fn branch(&mut self, volume: &str) -> PathBuf {
        let below = self.volumes.get(volume).map(|top| top.layer);
        let layer = self.put(volume, below);
        self.path(layer)
    }

    /// Forgets volumes and snapshots that are not among these, and removes the files that nothing is over any more.
    pub fn release(&mut self, volumes: &BTreeSet<&str>, snapshots: &BTreeSet<&str>) {
        self.volumes.retain(|id, _| volumes.contains(id.as_str()));
        self.snapshots.retain(|id, _| snapshots.contains(id.as_str()));
        let needed = self.needed();
        let (kept, gone) =
            std::mem::take(&mut self.below).into_iter().partition(|(id, _)| needed.contains(id));
        self.below = kept;
        for (layer, _) in gone as BTreeMap<u64, Option<u64>> {
            // There is nothing to be done about a file that stays.
            let _ = fs::remove_file(self.path(layer));
        }
    }

    fn needed(&self) -> BTreeSet<u64> {
        let tops = self.volumes.values().map(|top| top.layer).chain(self.snapshots.values().copied());
        let mut needed = BTreeSet::new();
        for top in tops {
            let mut layer = Some(top);
            while let Some(id) = layer {
                needed.insert(id);
                layer = self.below.get(&id).copied().flatten();
            }
        }
        needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Lab;

    fn layers() -> Layers {
        let directory = std::env::temp_dir().join(format!("ec2sim-layers-{:?}", std::thread::current().id()));
        Layers::new(directory).expect("a directory")
    }

    /// As `RunInstances` makes it of a snapshot, or of a system as it was installed.
    fn volume(id: &str, snapshot: Option<&str>) -> Volume {
        let lab = Lab::with_machines();
        let instance = lab.launch(&[("ImageId", &lab.base("debian-12"))]);
        let world = lab.sim.world();
        let made = world.region("us-east-1").volumes.values().find(|volume| volume.instance_id == instance);
        let mut volume = Volume::clone(made.expect("a root volume"));
        id.clone_into(&mut volume.id);
        volume.disk.as_mut().expect("a disk").kept_by = snapshot.map(str::to_owned);
        volume
    }

    fn open(layers: &mut Layers, volume: &Volume) -> Opened {
        let opened = layers.open(volume, Path::new("installed")).expect("it can be opened");
        fs::write(&opened.file, "").expect("written");
        opened
    }

    #[test]
    fn a_volume_keeps_its_file_until_a_snapshot_keeps_that() {
        let mut layers = layers();
        let volume = volume("vol-1", None);
        let first = open(&mut layers, &volume);
        assert_eq!(first.over, Some(PathBuf::from("installed")));
        assert_eq!(open(&mut layers, &volume), Opened { file: first.file.clone(), over: None });
        layers.keep("vol-1", "snap-1");
        let second = open(&mut layers, &volume);
        assert_eq!(second.over.as_ref(), Some(&first.file));
        assert_ne!(second.file, first.file);
    }

    #[test]
    fn a_machine_of_an_image_is_over_what_its_snapshot_keeps() {
        let mut layers = layers();
        let built = open(&mut layers, &volume("vol-1", None));
        layers.keep("vol-1", "snap-1");
        assert_eq!(open(&mut layers, &volume("vol-2", Some("snap-1"))).over, Some(built.file));
        assert!(layers.open(&volume("vol-3", Some("snap-2")), Path::new("installed")).is_err());
    }

    #[test]
    fn files_stay_as_long_as_something_is_over_them() {
        let mut layers = layers();
        let below = open(&mut layers, &volume("vol-1", None)).file;
        layers.keep("vol-1", "snap-1");
        let above = open(&mut layers, &volume("vol-2", Some("snap-1"))).file;
        layers.release(&["vol-2"].into(), &BTreeSet::new());
        assert!(below.exists() && above.exists());
        layers.release(&BTreeSet::new(), &BTreeSet::new());
        assert!(!below.exists() && !above.exists());
    }
}
