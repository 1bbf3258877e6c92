//! Rows on a terminal, redrawn in place; or plain lines, one for each change.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use crate::progress::{Row, State};

const BAR_WIDTH: u64 = 20;
/// Of the percent in plain lines: more would bury what matters in a log.
const PLAIN_STEP: u64 = 25;

pub struct Screen {
    begin: Instant,
    is_terminal: bool,
    drawn: usize,
    printed: BTreeMap<(String, String), String>,
}

impl Screen {
    pub fn new() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        Self { begin: Instant::now(), is_terminal, drawn: 0, printed: BTreeMap::new() }
    }

    pub fn show(&mut self, rows: &[Row]) {
        if self.is_terminal {
            self.draw(rows);
        } else {
            self.print_changes(rows);
        }
    }

    fn draw(&mut self, rows: &[Row]) {
        let mut lines = vec![format!("{:>4} s", self.begin.elapsed().as_secs())];
        let mut object = "";
        for row in rows {
            if row.object != object {
                lines.push(format!("\x1b[1m{}\x1b[0m", row.object));
            }
            object = &row.object;
            lines.push(terminal_line(row));
        }
        // Back over what was drawn; without line wrap, or a narrow terminal would have drawn more lines than we count.
        let back = if self.drawn > 0 { format!("\x1b[{}A", self.drawn) } else { String::new() };
        print!("{back}\x1b[J\x1b[?7l{}\n\x1b[?7h", lines.join("\n"));
        let _ = std::io::stdout().flush();
        self.drawn = lines.len();
    }

    fn print_changes(&mut self, rows: &[Row]) {
        for row in rows.iter().filter(|row| row.state != State::Waiting) {
            let text = plain_line(row);
            let known = self.printed.insert((row.object.clone(), row.name.clone()), text.clone());
            if known.as_ref() != Some(&text) {
                println!("{:>4} s  {text}", self.begin.elapsed().as_secs());
            }
        }
    }
}

fn terminal_line(row: &Row) -> String {
    let symbol = match row.state {
        State::Waiting => "\x1b[2m·\x1b[0m",
        State::Working => "\x1b[33m▸\x1b[0m",
        State::Done => "\x1b[32m✔\x1b[0m",
        State::Failed => "\x1b[31m✘\x1b[0m",
    };
    let bar = row.percent.map(bar).unwrap_or_default();
    format!("  {symbol} {:<16} {} {bar}", row.name, row.detail)
}

fn bar(percent: u64) -> String {
    let cells = (0..BAR_WIDTH).map(|cell| if cell * 100 < percent * BAR_WIDTH { '#' } else { '.' });
    format!("[{}] {percent} %", cells.collect::<String>())
}

fn plain_line(row: &Row) -> String {
    let state = match row.state {
        State::Waiting => "waits",
        State::Working => "in progress",
        State::Done => "done",
        State::Failed => "failed",
    };
    let percent = row.percent.map(|percent| format!("{} %", percent / PLAIN_STEP * PLAIN_STEP));
    format!("{} {}: {state} {} {}", row.object, row.name, row.detail, percent.unwrap_or_default())
        .trim_end()
        .to_owned()
}
