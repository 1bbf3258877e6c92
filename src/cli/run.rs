//! `ami-operator run`: the controller.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{ArgAction, Args};
use tokio::signal::unix::{SignalKind, signal};

use super::{connection::Connection, start_check};
use crate::{
    controller::{
        Operator,
        backoff::Backoff,
        dependents::Dependents,
        kube_cluster::KubeCluster,
        runtime::{self, Wakes},
        slots::CopySlots,
        survey::Scope,
        sweeper::Sweeper,
    },
    ec2::{
        Ec2,
        clock::Clock,
        limits::COPIES_PER_REGION,
        poller::{Poller, Tempo},
    },
    ops::{
        http::{self, Readiness},
        metrics::Metrics,
        telemetry::{self, LogFormat},
    },
};

/// Run the operator against the cluster of KUBECONFIG, or the one it runs in.
#[derive(Args)]
pub struct RunArgs {
    #[command(flatten)]
    connection: Connection,
    /// Interval at which each region is polled for what is in progress, e.g. 5s.
    #[arg(long, env = "AMI_OPERATOR_POLL_INTERVAL", default_value = "5s", value_parser = duration)]
    poll_interval: Duration,
    /// Maximum number of concurrent copies into a region, across all objects. The default AWS quota is 20.
    #[arg(long, env = "AMI_OPERATOR_MAX_COPIES_PER_REGION", default_value_t = COPIES_PER_REGION, value_parser = copies)]
    max_copies_per_region: usize,
    /// Sweep AWS for resources left by deleted objects; `ami-operator orphans` shows what a sweep finds.
    #[arg(long, env = "AMI_OPERATOR_SWEEP", default_value_t = true, action = ArgAction::Set)]
    sweep: bool,
    /// Sweep interval, e.g. 10m; up to 50 % jitter is added.
    #[arg(long, env = "AMI_OPERATOR_SWEEP_INTERVAL", default_value = "10m", value_parser = duration)]
    sweep_interval: Duration,
    /// Listen address for /livez, /readyz and /metrics.
    #[arg(long, env = "AMI_OPERATOR_HTTP_LISTEN", default_value = "0.0.0.0:8080")]
    http_listen: SocketAddr,
    /// Format of the log lines.
    #[arg(long, env = "AMI_OPERATOR_LOG_FORMAT", value_enum, default_value = "json")]
    log_format: LogFormat,
    /// Log level, or directives such as `info,ami_operator=debug`.
    #[arg(long, env = "AMI_OPERATOR_LOG_LEVEL", default_value = "info")]
    log_level: String,
}

/// For what cannot be interrupted, after the passes had their time to finish.
const LAST_WAIT: Duration = Duration::from_millis(500);

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: kube::core::Duration = text.parse().map_err(|e| format!("{e}"))?;
    let duration = Duration::from(parsed);
    if parsed.is_negative() || duration < Duration::from_millis(100) {
        return Err("must be at least 100ms".to_owned());
    }
    Ok(duration)
}

fn copies(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|copies| (1..=10_000).contains(copies))
        .ok_or_else(|| "must be between 1 and 10000".to_owned())
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps the operator from starting: no cluster, a port that is taken, a CA file that cannot be read.
pub fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    telemetry::start(args.log_format, &args.log_level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let served = runtime.block_on(serve(args));
    // A name that is being resolved cannot be interrupted, and would hold up the exit for as long as it takes.
    runtime.shutdown_timeout(LAST_WAIT);
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(args: RunArgs) -> anyhow::Result<()> {
    let metrics = Arc::new(Metrics::default());
    let ready = Readiness::default();
    let listener = http::bind(args.http_listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.http_listen))?;
    tokio::spawn(http::serve(listener, metrics.clone(), ready.clone()));

    let client = args.connection.kubernetes().await?;
    let scope = args.connection.scope(&client).await?;
    let ec2: Arc<dyn Ec2> = Arc::new(args.connection.aws(metrics.clone()).await?);
    tokio::spawn(start_check::run(ec2.clone(), args.connection.home(), ready.clone()));

    let clock = Clock::system();
    let tempo = Tempo { interval: args.poll_interval, ..Tempo::default() };
    let (poller, changed) = Poller::new(ec2.clone(), clock, tempo);
    let (dependents, woken) = Dependents::new();
    let cluster = Arc::new(KubeCluster::new(client.clone()));
    let operator = Operator {
        cluster,
        ec2,
        poller,
        clock,
        cluster_id: scope.cluster_id.clone(),
        backoff: Backoff::default(),
        dependents,
        slots: CopySlots::new(args.max_copies_per_region, scope.namespaces.clone()),
        metrics,
    };
    let namespaces = scope.namespaces.clone();
    sweep(&operator, scope, &args).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), cluster_id = operator.cluster_id, "starting");
    let wakes = Wakes { polled: changed, dependents: woken };
    let announce = || {
        ready.set(true);
        tracing::info!("ready");
    };
    runtime::run(Arc::new(operator), client, &namespaces, wakes, announce, terminated()).await;
    Ok(())
}

/// Adopts what is to be adopted before the first pass; then sweeps beside the passes.
async fn sweep(operator: &Operator, scope: Scope, args: &RunArgs) -> anyhow::Result<()> {
    let (cluster, ec2, metrics) = (operator.cluster.clone(), operator.ec2.clone(), operator.metrics.clone());
    let sweeper = Sweeper::new(cluster, ec2, operator.clock, metrics, scope, args.connection.adopt_restored);
    sweeper.adopt().await.context(
        "cannot adopt restored images; for this one start, remove ami-operator.dev/uid from the keys of statement NeverGiveUpOwnership (deploy/iam/README.md)",
    )?;
    if args.sweep {
        tokio::spawn(sweeper.run(args.sweep_interval));
    }
    Ok(())
}

async fn terminated() {
    let signals =
        signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    match signals {
        Ok((mut term, mut int)) => {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
        }
        Err(error) => {
            tracing::error!(%error, "cannot listen for signals");
            std::future::pending::<()>().await;
        }
    }
}
