//! One machine of QEMU.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{report::End, server::Server};

const MEMORY_MIB: u32 = 768;
const PROCESSORS: u32 = 2;
/// The network of a machine leads to the two services and nowhere else. It is as wide as it is because the metadata
/// service has to be in it.
const NETWORK: &str =
    "user,id=network,net=169.254.0.0/16,host=169.254.0.2,dns=169.254.0.3,dhcpstart=169.254.0.15,restrict=on";
const METADATA: &str = "169.254.169.254";
/// Where the sources of apt in the systems point.
const PACKAGES: &str = "169.254.169.250";

/// What a machine is made of.
#[derive(Debug)]
pub struct Hardware {
    /// Which boot of the instance it is.
    pub boot: u32,
    pub instance: String,
    pub mac_address: String,
    pub volume: String,
    pub disk: PathBuf,
    /// Where kernel and initrd are.
    pub system: PathBuf,
    /// For its logs; removed with it.
    pub directory: PathBuf,
    pub program: PathBuf,
    pub metadata: SocketAddr,
    pub packages: SocketAddr,
}

/// Dropping it cuts the power.
#[derive(Debug)]
pub struct Machine {
    pub hardware: Hardware,
    process: Child,
    monitor: ChildStdin,
    console: File,
    button_pressed: Option<Instant>,
    _metadata: Server,
}

impl Machine {
    pub fn start(hardware: Hardware, metadata: Server) -> io::Result<Self> {
        fs::create_dir_all(&hardware.directory)?;
        let console = hardware.directory.join("console");
        File::create(&console)?;
        let (process, monitor) = hardware.switch_on()?;
        let console = File::open(console)?;
        Ok(Self { hardware, process, monitor, console, button_pressed: None, _metadata: metadata })
    }

    /// An order that fails, fails because the machine has ended, which shows by itself.
    fn order(&mut self, command: &str, arguments: &Value) {
        let _ = writeln!(self.monitor, "{}", json!({"execute": command, "arguments": arguments}));
    }

    /// Presses the power button, and cuts the power if that did not help within `patience`.
    pub fn power_off(&mut self, patience: Duration) {
        match self.button_pressed {
            None => {
                self.order("system_powerdown", &json!({}));
                self.button_pressed = Some(Instant::now());
            }
            Some(at) if at.elapsed() > patience => self.order("quit", &json!({})),
            Some(_) => {}
        }
    }

    /// From now on nothing is written to the present file, but to a new one over it.
    pub fn write_to(&mut self, disk: &Path) {
        let arguments = json!({"device": "root", "snapshot-file": disk, "format": "qcow2"});
        self.order("blockdev-snapshot-sync", &arguments);
    }

    /// What the serial console has printed since the last time.
    pub fn printed(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A log that cannot be read says nothing.
        let _ = self.console.read_to_end(&mut bytes);
        bytes
    }

    /// How it ended, if it has. A machine that restarts does not end.
    pub fn end(&mut self) -> Option<End> {
        let status = self.process.try_wait().ok()??;
        if !status.success() {
            return Some(End::Crashed(format!("{status}: {}", self.hardware.read("errors").trim())));
        }
        // (QEMU QMP reference, `ShutdownCause`)
        if !self.hardware.read("monitor").contains(r#""reason": "guest-reset""#) {
            return Some(End::PoweredOff);
        }
        match self.hardware.switch_on() {
            Ok((process, monitor)) => {
                (self.process, self.monitor) = (process, monitor);
                self.button_pressed = None;
                None
            }
            Err(error) => Some(End::Crashed(error.to_string())),
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.hardware.directory);
    }
}

impl Hardware {
    fn read(&self, log: &str) -> String {
        fs::read_to_string(self.directory.join(log)).unwrap_or_default()
    }

    fn switch_on(&self) -> io::Result<(Child, ChildStdin)> {
        let log = |name: &str| File::create(self.directory.join(name));
        let mut command = self.command();
        let mut process =
            command.stdin(Stdio::piped()).stdout(log("monitor")?).stderr(log("errors")?).spawn()?;
        let mut monitor = process.stdin.take().ok_or_else(|| io::Error::other("the monitor has no pipe"))?;
        writeln!(monitor, "{}", json!({"execute": "qmp_capabilities"}))?;
        Ok((process, monitor))
    }

    fn command(&self) -> Command {
        let console = self.directory.join("console");
        let mut command = Command::new(&self.program);
        // Our own program first, which makes sure that QEMU does not outlive us.
        command.args(["machine", "--parent", &std::process::id().to_string(), "--"]);
        command.args(["qemu-system-x86_64", "-nodefaults", "-no-user-config"]);
        command.args(["-display", "none", "-qmp", "stdio", "-name", &self.instance]);
        // QEMU 7.2 without KVM was seen to unpack the kernel at some hundred bytes a second after a restart. So it ends
        // where the machine restarts, and is started anew.
        command.args(["-action", "reboot=shutdown"]);
        command.args(accelerator()).args(["-m", &MEMORY_MIB.to_string(), "-smp", &PROCESSORS.to_string()]);
        command.args(["-chardev", &format!("file,id=console,append=on,path={}", escaped(&console))]);
        command.args(["-serial", "chardev:console", "-device", "virtio-rng-pci"]);
        // Nothing has to survive this machine, and flushing takes the time of a build.
        let drive = "if=none,id=root,format=qcow2,cache=unsafe,discard=unmap,file=";
        command.args(["-drive", &format!("{drive}{}", escaped(&self.disk))]);
        command.args(["-device", "virtio-blk-pci,drive=root"]);
        command.arg("-kernel").arg(self.system.join("vmlinuz"));
        command.arg("-initrd").arg(self.system.join("initrd.img"));
        command.args(["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0"]);
        command.args(["-smbios", &smbios(&self.instance)]);
        command.args(["-netdev", &self.network()]);
        command.args(["-device", &format!("virtio-net-pci,netdev=network,mac={}", self.mac_address)]);
        command
    }

    fn network(&self) -> String {
        // QEMU runs the relay for each connection, because what it forwards by itself is one connection only.
        let forward = |guest: &str, to: SocketAddr| {
            format!(",guestfwd=tcp:{guest}:80-cmd:'{}' relay {to}", escaped(&self.program))
        };
        format!("{NETWORK}{}{}", forward(METADATA, self.metadata), forward(PACKAGES, self.packages))
    }
}

/// Makes a disk over another, of so many GiB.
pub fn make_disk(disk: &Path, over: &Path, gib: i64) -> io::Result<()> {
    let output = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"])
        .args([over, disk])
        .arg(format!("{gib}G"))
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// A path in an option of QEMU, in which a comma ends a value.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// KVM where the processor offers it: `/dev/kvm` alone may be that of a hypervisor that runs its own kernels only.
fn accelerator() -> [&'static str; 4] {
    let flags = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let offered = flags.split_ascii_whitespace().any(|flag| matches!(flag, "vmx" | "svm"));
    let usable = offered && File::options().read(true).write(true).open("/dev/kvm").is_ok();
    if usable { ["-accel", "kvm", "-cpu", "host"] } else { ["-accel", "tcg,thread=multi", "-cpu", "max"] }
}

/// By which a system takes itself to be on EC2: cloud-init looks at the id, and that the serial number is the same.
fn smbios(instance: &str) -> String {
    let digits = crate::core::digest(instance);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    let id = format!("ec2{}-{}-{}-{}-{}", part(3, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32));
    format!("type=1,manufacturer=Amazon EC2,uuid={id},serial={id}")
}
