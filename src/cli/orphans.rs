//! `ami-operator orphans`: shows what the operator's sweep would do.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use jiff::Timestamp;

use super::connection::Connection;
use crate::{
    controller::{kube_cluster::KubeCluster, survey::survey_of_orphans},
    model::Region,
    plan::{
        orphans::{self, Finding, Verdict},
        timing,
    },
    status::conditions::explain,
};

/// Print AWS resources without an owner in Kubernetes, and what the operator would do about them. Changes nothing.
#[derive(Args)]
pub struct OrphansArgs {
    #[command(flatten)]
    connection: Connection,
    /// Regions to inspect, separated by commas. Default: all enabled regions of the account.
    #[arg(long, value_delimiter = ',')]
    region: Vec<String>,
}

/// Prints a table to standard output, and regions that could not be read to standard error.
///
/// # Errors
/// The cluster or AWS cannot be reached, or the list of objects is incomplete.
pub fn orphans(args: OrphansArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(look(args))
}

async fn look(args: OrphansArgs) -> anyhow::Result<ExitCode> {
    let client = args.connection.kubernetes().await?;
    let mut scope = args.connection.scope(&client).await?;
    scope.regions = args.region.into_iter().map(Region).collect();
    let ec2 = args.connection.aws(Arc::new(())).await?;
    let seen = survey_of_orphans(&ec2, &KubeCluster::new(client), &scope).await?;
    let now = Timestamp::now();
    let findings = orphans::find(&seen.inventories, &seen.objects, args.connection.adopt_restored, now);
    print(&findings, now, &mut io::stdout().lock())?;
    for error in &seen.unseen {
        eprintln!("{} could not be read: {}", error.region, explain(error));
    }
    let to_go = findings.iter().filter(|f| f.verdict == Verdict::Remove).count();
    eprintln!(
        "{} found in {} regions, {to_go} to remove: the operator removes them when two sweeps agree, but not in its first {}",
        findings.len(),
        seen.inventories.len(),
        timing::human(timing::SWEEP_SETTLING.as_secs()),
    );
    Ok(ExitCode::SUCCESS)
}

const TITLES: [&str; 7] = ["REGION", "KIND", "ID", "AGE", "OWNER", "ACTION", "WHY"];

fn print(findings: &[Finding], now: Timestamp, out: &mut impl Write) -> io::Result<()> {
    let titles = TITLES.map(str::to_owned);
    let rows: Vec<[String; 7]> =
        std::iter::once(titles).chain(findings.iter().map(|f| row(f, now))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..TITLES.len() - 1).map(width).collect();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            write!(out, "{cell:<width$}  ")?;
        }
        writeln!(out, "{}", row[TITLES.len() - 1])?;
    }
    Ok(())
}

fn row(finding: &Finding, now: Timestamp) -> [String; 7] {
    let Finding { region, thing, made_at, owner, verdict, why, former: _, concerns: _ } = finding;
    let age = made_at.map_or("?".to_owned(), |at| timing::human(timing::elapsed(at, now).as_secs()));
    let would = match verdict {
        Verdict::Remove => "remove",
        Verdict::Young => "wait",
        Verdict::Report => "keep",
    };
    [
        region.0.clone(),
        thing.kind().to_owned(),
        thing.to_string(),
        age,
        owner.clone(),
        would.to_owned(),
        why.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::orphans::Thing;

    #[test]
    fn a_finding_is_a_line_under_its_titles() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let finding = Finding {
            region: "eu-west-1".into(),
            thing: Thing::Instance("i-1".into()),
            made_at: Some("2026-11-23T10:00:00Z".parse().unwrap()),
            owner: "ImageBuild images/web".into(),
            verdict: Verdict::Remove,
            why: "its owner is gone".into(),
            former: None,
            concerns: None,
        };
        let mut out = Vec::new();
        print(&[finding], now, &mut out).unwrap();
        let expected = "\
REGION     KIND      ID   AGE     OWNER                  ACTION  WHY
eu-west-1  instance  i-1  2h0m0s  ImageBuild images/web  remove  its owner is gone
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
