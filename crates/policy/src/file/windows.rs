//! Windows, and the calendar they may follow.

use super::line;
use super::values::nearest;
use crate::window::check_time_zone;
use crate::{Calendar, Period, Window};
use serde_saphyr::Spanned;

const WORDS: [&str; 6] = ["day", "week", "month", "quarter", "year", "lifetime"];
pub(super) const EXAMPLES: &str = "such as `60s`, `15m`, `1h`, `rolling 60s`, `refill 60s`, `day`, `week`, `month`, `quarter`, `year` or `lifetime`";

/// A whole year and a day, the longest window that is not the calendar's.
const LONGEST_MS: u64 = 366 * 86_400_000;

/// Ten of its shortest slots.
const SHORTEST_ROLLING_MS: u64 = 10_000;

/// What a budget, or the whole file, says of the calendar.
#[derive(Clone, Default)]
pub(super) struct CalendarEntry {
    pub(super) time_zone: Option<Spanned<String>>,
    pub(super) month_start: Option<Spanned<u64>>,
    pub(super) year_start: Option<Spanned<u64>>,
}

/// Takes note of a problem: the field, its line, what is wrong with it, what to do.
pub(super) type Wrong<'a> = &'a mut dyn FnMut(&str, u64, String, Option<String>);

impl CalendarEntry {
    /// What is not said here is as in `whole`.
    fn within(self, whole: &CalendarEntry) -> CalendarEntry {
        let whole = whole.clone();
        CalendarEntry {
            time_zone: self.time_zone.or(whole.time_zone),
            month_start: self.month_start.or(whole.month_start),
            year_start: self.year_start.or(whole.year_start),
        }
    }

    /// The first field that is there, and its line.
    fn first(&self) -> Option<(&'static str, u64)> {
        let zone = self.time_zone.as_ref().map(|zone| ("time_zone", line(zone)));
        let month = self.month_start.as_ref().map(|day| ("fiscal_month_start", line(day)));
        let year = self.year_start.as_ref().map(|month| ("fiscal_year_start", line(month)));
        zone.or(month).or(year)
    }

    pub(super) fn check(&self, wrong: Wrong<'_>) {
        if let Some(zone) = &self.time_zone
            && let Err(near) = check_time_zone(&zone.value)
        {
            let suggestion = match near.first() {
                Some(known) => format!("did you mean `{known}`?"),
                None => "a name of the IANA database, such as `Europe/Berlin` or `UTC`".to_owned(),
            };
            let what = format!("no time zone `{}`", zone.value);
            wrong("time_zone", line(zone), what, Some(suggestion));
        }
        if let Some(day) = self.month_start.as_ref().filter(|day| !(1..=28).contains(&day.value)) {
            let what = "must be a day that every month has, from 1 to 28".to_owned();
            wrong("fiscal_month_start", line(day), what, None);
        }
        if let Some(month) = self.year_start.as_ref().filter(|month| !(1..=12).contains(&month.value)) {
            wrong("fiscal_year_start", line(month), "must be a month, from 1 to 12".to_owned(), None);
        }
    }

    fn of_period(self, period: Period) -> Calendar {
        let small = |number: Option<Spanned<u64>>| {
            number.and_then(|number| u8::try_from(number.value).ok()).unwrap_or(1)
        };
        Calendar {
            period,
            time_zone: self.time_zone.map_or_else(|| "UTC".to_owned(), |zone| zone.value),
            month_start: small(self.month_start),
            year_start: small(self.year_start),
        }
    }
}

/// A budget's window: `own` is what the budget says of the calendar, `whole` what the file does.
pub(super) fn read_window(
    text: &Spanned<String>,
    own: CalendarEntry,
    whole: &CalendarEntry,
    wrong: Wrong<'_>,
) -> Window {
    let words = text.value.trim();
    own.check(wrong);
    let period = match words {
        "day" => Period::Day,
        "week" => Period::Week,
        "month" => Period::Month,
        "quarter" => Period::Quarter,
        "year" => Period::Year,
        other => {
            if let Some((field, at)) = own.first() {
                let what = format!("a window of `{other}` does not follow the calendar");
                let suggestion = "only `day`, `week`, `month`, `quarter` and `year` do".to_owned();
                wrong(field, at, what, Some(suggestion));
            }
            return match other {
                "lifetime" => Window::Lifetime,
                other => length(other).unwrap_or_else(|(what, suggestion)| {
                    wrong("window", line(text), what, Some(suggestion));
                    Window::Lifetime
                }),
            };
        }
    };
    Window::Calendar(own.within(whole).of_period(period))
}

/// A window that follows no calendar.
fn length(text: &str) -> Result<Window, (String, String)> {
    if let Some((kind @ ("rolling" | "refill"), word)) = text.split_once(' ')
        && WORDS.contains(&word.trim())
    {
        let suggestion = format!("such as `{kind} 60s` or `{kind} 1d`");
        return Err((format!("`{text}` is no window: `{kind}` goes with a length"), suggestion));
    }
    if let Some(refill) = text.strip_prefix("refill") {
        return match fixed(refill.trim())? {
            Window::Fixed { ms } => Ok(Window::Refill { ms, burst: None }),
            other => Ok(other),
        };
    }
    let Some(rolling) = text.strip_prefix("rolling") else { return fixed(text) };
    match fixed(rolling.trim())? {
        Window::Fixed { ms } if ms >= SHORTEST_ROLLING_MS => Ok(Window::Rolling { ms }),
        _ => Err((format!("`{text}` must be of at least 10s"), "such as `rolling 60s`".to_owned())),
    }
}

/// `30s`, `15m`, `1h`, `1d`, `7d`; or the words `second`, `minute`, `hour`. The error comes with a suggestion.
fn fixed(text: &str) -> Result<Window, (String, String)> {
    let text = match text {
        "second" => "1s",
        "minute" => "1m",
        "hour" => "1h",
        text => text,
    };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let unit_ms: u64 = match text.get(digits.len()..).filter(|_| is_number) {
        Some("s") => 1_000,
        Some("m") => 60_000,
        Some("h") => 3_600_000,
        Some("d") => 86_400_000,
        _ => {
            let is_word = text.bytes().all(|byte| byte.is_ascii_alphabetic());
            let close = nearest(text, &WORDS).filter(|close| is_word && close.starts_with("did you mean"));
            return Err((format!("`{text}` is no window"), close.unwrap_or_else(|| EXAMPLES.to_owned())));
        }
    };
    let ms = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_ms));
    match ms.filter(|ms| (1_000..=LONGEST_MS).contains(ms)) {
        Some(ms) => Ok(Window::Fixed { ms }),
        None => Err((format!("`{text}` must be from 1s to 366d"), EXAMPLES.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Calendar, Period, Policy, Window};

    fn read(file: &str, budget: &str) -> Result<Window, Vec<String>> {
        let yaml = format!("{file}\nbudgets:\n  - name: b\n    limit: 1 requests\n    {budget}\n");
        match Policy::from_yaml(&yaml) {
            Ok(policy) => Ok(policy.budgets[0].window.clone()),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    fn calendar(period: Period, time_zone: &str, month_start: u8, year_start: u8) -> Window {
        Window::Calendar(Calendar { period, time_zone: time_zone.to_owned(), month_start, year_start })
    }

    #[test]
    fn lengths_words_and_a_lifetime() {
        assert_eq!(read("", "window: 15m"), Ok(Window::Fixed { ms: 900_000 }));
        assert_eq!(read("", "window: hour"), Ok(Window::Fixed { ms: 3_600_000 }));
        assert_eq!(read("", "window: rolling 60s"), Ok(Window::Rolling { ms: 60_000 }));
        assert_eq!(read("", "window: refill 1s"), Ok(Window::Refill { ms: 1_000, burst: None }));
        assert_eq!(
            read("", "window: refill 1m\n    burst: 20 requests"),
            Ok(Window::Refill { ms: 60_000, burst: Some(20) })
        );
        assert!(read("", "window: rolling 5s").unwrap_err()[0].contains("at least 10s"));
        assert_eq!(read("", "window: lifetime"), Ok(Window::Lifetime));
        assert_eq!(read("", "window: day"), Ok(calendar(Period::Day, "UTC", 1, 1)));
    }

    #[test]
    fn a_budget_follows_the_files_calendar_where_it_says_nothing_else() {
        let file = "time_zone: Europe/Berlin\nfiscal_month_start: 15\nfiscal_year_start: 4";
        assert_eq!(read(file, "window: quarter"), Ok(calendar(Period::Quarter, "Europe/Berlin", 15, 4)));
        assert_eq!(
            read(file, "window: month\n    time_zone: Asia/Tokyo\n    fiscal_month_start: 1"),
            Ok(calendar(Period::Month, "Asia/Tokyo", 1, 4))
        );
        assert_eq!(read(file, "window: 1h"), Ok(Window::Fixed { ms: 3_600_000 }));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_what_to_do() {
        for (file, budget, problem) in [
            ("", "window: monht", "line 5: budgets[0].window: `monht` is no window (did you mean `month`?)"),
            (
                "",
                "window: rolling day",
                "line 5: budgets[0].window: `rolling day` is no window: `rolling` goes with a length (such as `rolling 60s` or `rolling 1d`)",
            ),
            (
                "",
                "window: 1 h",
                &*format!("line 5: budgets[0].window: `1 h` is no window ({})", super::EXAMPLES),
            ),
            (
                "",
                "window: 1y",
                &*format!("line 5: budgets[0].window: `1y` is no window ({})", super::EXAMPLES),
            ),
            (
                "",
                "window: 0s",
                &*format!("line 5: budgets[0].window: `0s` must be from 1s to 366d ({})", super::EXAMPLES),
            ),
            (
                "",
                "window: day\n    time_zone: Europe/Berln",
                "line 6: budgets[0].time_zone: no time zone `Europe/Berln` (did you mean `Europe/Berlin`?)",
            ),
            (
                "",
                "window: 1m\n    burst: 20 requests",
                "line 6: budgets[0].burst: only a bucket that is refilled all the time has one \
                 (such as `window: refill 60s`)",
            ),
            (
                "",
                "window: refill 1m\n    burst: 20 tokens",
                "line 6: budgets[0].burst: `20 tokens` must be in the budget's own unit, requests",
            ),
            (
                "time_zone: Mars/Olympus",
                "window: day",
                "line 1: time_zone: no time zone `Mars/Olympus` (a name of the IANA database, such as `Europe/Berlin` or `UTC`)",
            ),
            (
                "fiscal_year_start: 13",
                "window: year",
                "line 1: fiscal_year_start: must be a month, from 1 to 12",
            ),
            (
                "",
                "window: month\n    fiscal_month_start: 31",
                "line 6: budgets[0].fiscal_month_start: must be a day that every month has, from 1 to 28",
            ),
            (
                "",
                "window: 24h\n    time_zone: Europe/Berlin",
                "line 6: budgets[0].time_zone: a window of `24h` does not follow the calendar \
                 (only `day`, `week`, `month`, `quarter` and `year` do)",
            ),
        ] {
            assert_eq!(read(file, budget), Err(vec![problem.to_owned()]));
        }
    }
}
