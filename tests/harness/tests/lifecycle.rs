//! Nothing that the harness starts may outlive its owner.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{ControlPlane, Process, RunDir, project_binary, wait_for};

const SECONDS: Duration = Duration::from_secs(20);

#[test]
fn a_dropped_control_plane_is_gone() {
    let control_plane = ControlPlane::start().unwrap();
    let directory = control_plane.run_dir().path().to_owned();
    let running = processes_in(&directory);
    assert!(running.iter().any(|command| command.contains("kube-apiserver")), "{running:#?}");

    drop(control_plane);

    assert_eq!(processes_in(&directory), Vec::<String>::new());
    assert!(!directory.exists());
}

#[test]
fn a_killed_owner_leaves_no_control_plane_behind() {
    let (mut owner, directory) = start_owner("owner_of_a_control_plane");
    assert!(!processes_in(&directory).is_empty());

    owner.kill().unwrap();

    wait_for("everything to be gone", SECONDS, || Ok(is_gone(&directory).then_some(()))).unwrap();
    owner.wait().unwrap();
}

#[test]
fn kept_processes_run_until_the_marker_is_removed() {
    let (mut owner, directory) = start_owner("owner_that_keeps_its_process");
    assert!(owner.wait().unwrap().success());
    assert!(!processes_in(&directory).is_empty());

    std::fs::remove_file(directory.join("keep")).unwrap();

    wait_for("everything to be gone", SECONDS, || Ok(is_gone(&directory).then_some(()))).unwrap();
}

#[test]
fn a_process_that_ends_by_itself_is_reported_with_its_log() {
    let dir = RunDir::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "echo the reason; exit 3"]);
    let mut process = Process::spawn(&dir, "short", &command).unwrap();

    let error = wait_for("the end", SECONDS, || Ok(process.check_alive().err())).unwrap().to_string();

    assert!(error.contains("exit status: 3") && error.contains("the reason"), "{error}");
}

#[test]
fn a_process_is_asked_to_end_by_sigterm() {
    let dir = RunDir::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"]);
    let mut process = Process::spawn(&dir, "polite", &command).unwrap();
    wait_for("the trap", SECONDS, || Ok(process.log().contains("ready").then_some(()))).unwrap();
    let log = process.log_file();

    assert_eq!(process.stop().unwrap().code(), Some(7));
    assert!(std::fs::read_to_string(log).unwrap().contains("bye"));
}

/// `kill -9` may come between the start of a machine's process and its wish to end with its parent.
#[test]
fn a_machine_whose_owner_is_gone_already_never_runs() {
    let machine = |parent: u32| {
        let mut command = Command::new(project_binary("ec2sim").unwrap());
        let parent = parent.to_string();
        command.args(["machine", "--parent", &parent, "--", "echo", "it runs"]).output().unwrap()
    };
    let owned = machine(std::process::id());
    assert_eq!(String::from_utf8_lossy(&owned.stdout), "it runs\n");
    let orphaned = machine(1);
    assert!(!orphaned.status.success() && orphaned.stdout.is_empty(), "{orphaned:?}");
}

#[test]
#[ignore = "the part of the owner in the tests above"]
fn owner_of_a_control_plane() {
    let control_plane = ControlPlane::start().unwrap();
    println!("directory {}", control_plane.run_dir().path().display());
    loop {
        std::thread::park();
    }
}

#[test]
#[ignore = "the part of the owner in the tests above"]
fn owner_that_keeps_its_process() {
    let dir = RunDir::new().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "while :; do sleep 0.1; done", &dir.path().to_string_lossy()]);
    let _process = Process::spawn(&dir, "kept", &command).unwrap();
    dir.keep().unwrap();
    println!("directory {}", dir.path().display());
}

/// Runs one of the ignored tests as a process of its own and returns it with the directory it prints.
fn start_owner(test: &str) -> (Child, PathBuf) {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("directory ")).unwrap();
    let (_, directory) = line.split_once("directory ").unwrap();
    let directory = PathBuf::from(directory);
    // A closed pipe would fail its later output.
    std::thread::spawn(move || lines.for_each(drop));
    (owner, directory)
}

fn is_gone(directory: &Path) -> bool {
    !directory.exists() && processes_in(directory).is_empty()
}

/// The command lines of all processes that name the directory.
fn processes_in(directory: &Path) -> Vec<String> {
    let output = Command::new("ps").args(["-A", "-ww", "-o", "args="]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter(|line| line.contains(&*directory.to_string_lossy())).map(str::to_owned).collect()
}
