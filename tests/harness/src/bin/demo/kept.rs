//! A demonstration that goes on after its command has ended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use harness::wait_for;

use crate::world::World;

const END_TIMEOUT: Duration = Duration::from_mins(1);

/// Beside the binary is the file that says which directory a kept demonstration runs in.
fn pointer() -> Result<PathBuf> {
    let directory = std::env::current_exe()?;
    Ok(directory.with_file_name("demo-is-running-in"))
}

fn running_in() -> Result<Option<PathBuf>> {
    let text = std::fs::read_to_string(pointer()?).unwrap_or_default();
    let directory = Path::new(text.trim());
    Ok(directory.join("keep").exists().then(|| directory.to_owned()))
}

pub fn refuse_a_second() -> Result<()> {
    match running_in()? {
        None => Ok(()),
        Some(directory) => {
            bail!("one is running already in {}: end it by make demo-down", directory.display())
        }
    }
}

pub fn keep(world: &World) -> Result<()> {
    world.dir.keep()?;
    std::fs::write(pointer()?, world.dir.path().display().to_string())?;
    println!(
        "
It keeps running until make demo-down. Try

  export KUBECONFIG={}
  kubectl get imagebuilds,imagereplications --namespace images --output wide
  kubectl describe imagebuild web --namespace images
  kubectl apply --namespace images -f deploy/samples/source-selector.yaml
  kubectl delete imagereplication web --namespace images
  curl {}/_emu/journal
  tail -f {}",
        world.kubeconfig().display(),
        world.ec2sim.endpoint(),
        world.dir.path().join("operator.log").display(),
    );
    Ok(())
}

pub fn end() -> Result<()> {
    let Some(directory) = running_in()? else {
        println!("nothing is running");
        return Ok(());
    };
    std::fs::remove_file(directory.join("keep"))?;
    wait_for("the processes to end", END_TIMEOUT, || Ok((!directory.exists()).then_some(())))
        .with_context(|| format!("look into {}", directory.display()))?;
    std::fs::remove_file(pointer()?)?;
    println!("ended");
    Ok(())
}
