//! The displayable part of a guest's output: its end, without anything that could harm a terminal or its user.

/// The last lines of a step's output that are kept, and the characters of each.
pub(super) const LOG_LINES: usize = 20;
const LOG_LINE_CHARS: usize = 200;

/// What `status.log` takes, in bytes: 20 lines of the widest characters would be twice as much.
const LOG_BYTES: usize = 8 * 1024;

/// The last 20 lines of what a step has printed, each of at most 200 characters and safe to show.
pub fn tail(output: &str) -> Vec<String> {
    let lines: Vec<&str> = output.lines().collect();
    let last = lines.len().saturating_sub(LOG_LINES);
    lines.iter().skip(last).map(|line| printable(line.trim_end_matches('\r'))).collect()
}

/// The last of these lines, one below the other: as many as 8 KiB take.
pub fn log_text(lines: &[String]) -> String {
    let mut bytes = 0;
    let fits = lines.iter().rev().take_while(|line| {
        bytes += line.len() + 1;
        bytes <= LOG_BYTES
    });
    let first = lines.len() - fits.count();
    lines.get(first..).unwrap_or_default().join("\n")
}

/// Text that cannot move a cursor, color a terminal, end a line or turn the reading direction.
pub(super) fn printable(text: &str) -> String {
    let mut safe = String::new();
    for character in text.chars().take(LOG_LINE_CHARS) {
        match character {
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                safe.extend(character.escape_unicode());
            }
            _ if character.is_control() => safe.extend(character.escape_default()),
            _ => safe.push(character),
        }
    }
    safe.chars().take(LOG_LINE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(count: usize, line: &str) -> Vec<String> {
        (0..count).map(|number| format!("{number} {line}")).collect()
    }

    #[test]
    fn the_last_twenty_lines_of_an_output_are_kept() {
        let output = lines(30, "x").join("\r\n") + "\n";
        assert_eq!(tail(&output), lines(30, "x")[10..]);
    }

    #[test]
    fn what_an_output_does_to_a_terminal_is_escaped() {
        assert_eq!(tail("\u{1b}[2J\u{202e}gnp.exe\r\nend"), ["\\u{1b}[2J\\u{202e}gnp.exe", "end"]);
    }

    #[test]
    fn a_short_log_is_its_lines() {
        assert_eq!(log_text(&lines(2, "x")), "0 x\n1 x");
        assert_eq!(log_text(&[]), "");
    }

    #[test]
    fn the_first_lines_go_when_a_log_is_too_long() {
        let wide = lines(20, &"\u{1F600}".repeat(150));
        let log = log_text(&wide);
        assert!(log.starts_with("7 ") && log.ends_with(&wide[19]), "{log}");
    }

    proptest! {
        #[test]
        fn no_output_makes_a_log_that_is_large_or_dangerous(output in any::<String>(), repeat in 0_usize..40) {
            let log = log_text(&tail(&(output + "\n").repeat(repeat)));
            prop_assert!(log.len() <= 8192 && log.lines().count() <= 20);
            prop_assert!(!log.contains(|c: char| c.is_control() && c != '\n'));
        }
    }
}
