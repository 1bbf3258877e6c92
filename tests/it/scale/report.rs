//! The table for people.

use std::{fmt::Write, time::Duration};

use super::{Measured, REGIONS, SLOTS, bound::Binding, measure, naively, tally::ratio};

/// How long copies take: as in ec2sim's `demo` profile, and as measured on EC2.
const COPIES: [Duration; 2] = [Duration::from_secs(30), Duration::from_mins(15)];

/// Above, what the other way costs is not played but multiplied.
const PLAYED_NAIVELY: usize = 1_000;

/// Slots make copies of a quarter of an hour last for days above, and nothing else is learned.
const MOST_SLOW_ONES: usize = 1_000;

/// Plays the sizes, and tells.
pub fn write(sizes: &[usize]) -> String {
    let mut text = String::new();
    for copy in COPIES {
        let mut fleets: Vec<Measured> = Vec::new();
        for &size in sizes.iter().filter(|size| copy == COPIES[0] || **size <= MOST_SLOW_ONES) {
            let mut measured = measure(size, copy);
            measured.naive = (size <= PLAYED_NAIVELY).then(|| naively(size, copy));
            eprintln!("{size} objects, copies of {copy:?}: {:?} of real time", measured.real);
            fleets.push(measured);
        }
        if !fleets.is_empty() {
            text += &table(copy, &fleets);
        }
    }
    text
}

fn table(copy: Duration, fleets: &[Measured]) -> String {
    let mut text = format!("| {} regions each, a copy takes {} s |", REGIONS.len(), copy.as_secs());
    for fleet in fleets {
        let _ = write!(text, " {} |", objects(fleet.objects));
    }
    let _ = writeln!(text, "\n|---|{}", "---:|".repeat(fleets.len()));
    for (title, cell) in ROWS {
        let cells: Vec<String> = fleets.iter().map(cell).collect();
        let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
    }
    text + "\n"
}

fn objects(count: usize) -> String {
    if count == 1 { "1 replication".to_owned() } else { format!("{count} replications") }
}

type Row = (&'static str, fn(&Measured) -> String);

const ROWS: [Row; 20] = [
    ("until all are ready", |it| seconds(it.took)),
    ("bound", |it| seconds(it.bound.time)),
    ("… set by", |it| binding(it.bound.binding)),
    ("time over the bound", |it| format!("{:.3} ×", it.share_of_bound())),
    ("most copies under way in a region", |it| it.until_ready.most_under_way.to_string()),
    ("CopyImage", |it| it.until_ready.of("CopyImage").to_string()),
    ("DescribeImages", |it| it.until_ready.of("DescribeImages").to_string()),
    ("DescribeSnapshots", |it| it.until_ready.of("DescribeSnapshots").to_string()),
    ("AWS writes per copy", |it| format!("{:.2}", ratio(it.until_ready.writes, it.objects * REGIONS.len()))),
    ("writes of status an object", |it| format!("{:.1}", ratio(it.status_writes, it.objects))),
    ("passes an object", |it| format!("{:.1}", ratio(it.passes, it.objects))),
    ("throttled", |it| format!("{:.2} %", it.until_ready.throttled_share())),
    ("refused otherwise", |it| it.until_ready.refused.values().sum::<usize>().to_string()),
    ("steady state: calls per hour", |it| it.an_hour.calls.calls().to_string()),
    ("steady state: AWS writes, status writes, passes", |it| steady(&it.an_hour)),
    ("restart: calls", |it| it.restart.calls.calls().to_string()),
    ("restart: AWS writes, status writes, passes", |it| steady(&it.restart)),
    ("naive: until all are ready", naive_time),
    ("naive: calls until then, of them throttled", naive_calls),
    ("naive: calls an hour after that", naive_hour),
];

fn steady(it: &super::Steady) -> String {
    format!("{}, {}, {}", it.calls.writes, it.status_writes, it.passes)
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64())
}

fn binding(of: Binding) -> String {
    match of {
        Binding::Copy => "one copy".to_owned(),
        Binding::Bucket => "the bucket of CopyImage".to_owned(),
        Binding::Slots => format!("{SLOTS} copies at once"),
    }
}

fn naive_time(it: &Measured) -> String {
    it.naive.as_ref().map_or("not played".to_owned(), |naive| seconds(naive.took))
}

fn naive_calls(it: &Measured) -> String {
    it.naive.as_ref().map_or("not played".to_owned(), |naive| {
        format!("{}, {:.1} %", naive.until_ready.calls(), naive.until_ready.throttled_share())
    })
}

/// One for each copy, four times a minute.
fn naive_hour(it: &Measured) -> String {
    match &it.naive {
        Some(naive) => naive.an_hour.calls().to_string(),
        None => format!("{}, if AWS took them", it.objects * REGIONS.len() * 240),
    }
}
