//! Metrics in Prometheus text. Labels are closed enums, and regions.

use std::{fmt::Write, sync::atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

#[cfg(feature = "aws")]
use crate::{
    ec2::aws::CallObserver,
    model::{Action, Class, Region},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    action: String,
    region: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassLabels {
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OrphanLabels {
    kind: &'static str,
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// All metrics.
pub struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    call_seconds: Histogram,
    passes: Family<PassLabels, Counter>,
    builds: Family<ResultLabel, Counter>,
    sweeps: Family<ResultLabel, Counter>,
    orphans: Family<OrphanLabels, Gauge>,
    orphans_removed: Family<KindLabel, Counter>,
    drift_repaired: Family<KindLabel, Counter>,
    start_time: Gauge<f64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ami_operator");
        let metrics = Self {
            calls: Family::default(),
            call_seconds: Histogram::new([0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]),
            passes: Family::default(),
            builds: Family::default(),
            sweeps: Family::default(),
            orphans: Family::default(),
            orphans_removed: Family::default(),
            drift_repaired: Family::default(),
            start_time: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("aws_calls", "AWS calls by action, region and result class", metrics.calls.clone());
        registry.register(
            "aws_call_seconds",
            "Duration of AWS calls, including retries",
            metrics.call_seconds.clone(),
        );
        registry.register("passes", "Reconcile passes by kind and result", metrics.passes.clone());
        registry.register("builds_finished", "Finished builds by result", metrics.builds.clone());
        registry.register(
            "drift_repaired",
            "Drift that was repaired, by kind",
            metrics.drift_repaired.clone(),
        );
        metrics.register_sweeps(&mut registry);
        registry.register(
            "start_time_seconds",
            "Start time of the process, in seconds since the Unix epoch",
            metrics.start_time.clone(),
        );
        #[allow(clippy::cast_precision_loss)]
        metrics.start_time.set(jiff::Timestamp::now().as_second() as f64);
        Self { registry, ..metrics }
    }
}

impl Metrics {
    fn register_sweeps(&self, registry: &mut Registry) {
        registry.register("sweeps", "Sweeps for orphans by result", self.sweeps.clone());
        registry.register(
            "orphans",
            "AWS resources without an owner, or past their time, that the last sweep found",
            self.orphans.clone(),
        );
        registry.register(
            "orphans_removed",
            "Orphans that were removed, by kind",
            self.orphans_removed.clone(),
        );
    }

    /// Counts a finished sweep.
    pub fn sweep(&self, ok: bool) {
        let result = if ok { "Success" } else { "Error" };
        self.sweeps.get_or_create(&ResultLabel { result }).inc();
    }

    /// Sets how many orphans of this kind the last sweep found.
    pub fn orphans(&self, kind: &'static str, verdict: &'static str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.orphans.get_or_create(&OrphanLabels { kind, verdict }).set(count);
    }

    /// Counts a removed orphan of this kind.
    pub fn orphan_removed(&self, kind: &'static str) {
        self.orphans_removed.get_or_create(&KindLabel { kind }).inc();
    }

    /// Counts a finished pass over an object of this kind.
    pub fn pass(&self, kind: &'static str, ok: bool) {
        let result = if ok { "Success" } else { "Error" };
        self.passes.get_or_create(&PassLabels { kind, result }).inc();
    }

    /// Counts repaired drift of this kind.
    pub fn drift_repaired(&self, kind: &'static str) {
        self.drift_repaired.get_or_create(&KindLabel { kind }).inc();
    }

    /// Counts a finished build.
    pub fn build_finished(&self, succeeded: bool) {
        let result = if succeeded { "Succeeded" } else { "Failed" };
        self.builds.get_or_create(&ResultLabel { result }).inc();
    }

    /// All metrics in Prometheus text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            // A buffer in memory takes everything; should it not, the scrape says why.
            let _ = write!(text, "# {error}");
        }
        text
    }
}

#[cfg(feature = "aws")]
impl CallObserver for Metrics {
    fn observed(&self, action: Action, region: &Region, error: Option<Class>, seconds: f64) {
        let result = error.map_or("Success", Class::reason);
        self.calls
            .get_or_create(&CallLabels { action: action.to_string(), region: region.0.clone(), result })
            .inc();
        self.call_seconds.observe(seconds);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Each counted once, as a family without a member is not in the text.
    fn counted() -> Metrics {
        let metrics = Metrics::default();
        let call = CallLabels { action: String::new(), region: String::new(), result: "Success" };
        metrics.calls.get_or_create(&call).inc();
        metrics.sweep(true);
        metrics.orphans("image", "Report", 1);
        metrics.orphan_removed("image");
        metrics.pass("ImageBuild", true);
        metrics.drift_repaired("tags");
        metrics.build_finished(true);
        metrics
    }

    /// Names as they are scraped, and their labels.
    fn scraped(text: &str) -> BTreeMap<String, BTreeSet<String>> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (sample, _) = line.rsplit_once(' ')?;
            let (name, labels) = sample.trim_end_matches('}').split_once('{').unwrap_or((sample, ""));
            let name =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let labels = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
            Some((name.to_owned(), labels.filter(|label| label != "le").collect()))
        };
        samples.filter_map(sample).collect()
    }

    #[test]
    fn the_readme_lists_each_metric_with_its_labels() {
        let scraped = scraped(&counted().text());
        let code = include_str!("metrics.rs").split("#[cfg(test)]").next().unwrap_or_default();
        assert_eq!(
            scraped.len(),
            code.matches("registry.register(").count(),
            "count each above: {scraped:?}"
        );
        let readme = include_str!("../../README.md");
        for (name, labels) in &scraped {
            let row = readme.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            let column = row.and_then(|row| row.split(" |").nth(1)).unwrap_or_default();
            let listed: BTreeSet<_> = column.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            assert!(row.is_some() && listed == *labels, "{name} has the labels {labels:?}: {row:?}");
        }
    }
}
