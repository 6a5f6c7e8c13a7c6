//! Calendar windows against an independent calendar: Python's. See `calendar.py`.
#![cfg(feature = "calendar")]
#![allow(clippy::unwrap_used)]

use policy::{Calendar, Period, Window};

#[test]
fn windows_begin_and_end_where_another_calendar_says() {
    let mut compared = 0;
    for line in include_str!("calendar.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(' ');
        let mut next = || fields.next().unwrap();
        let time_zone = next().to_owned();
        let period = match next() {
            "day" => Period::Day,
            "week" => Period::Week,
            "month" => Period::Month,
            "quarter" => Period::Quarter,
            "year" => Period::Year,
            other => panic!("{other}"),
        };
        let (month_start, year_start) = (next().parse().unwrap(), next().parse().unwrap());
        let [now, start, end] = [(); 3].map(|()| next().parse().unwrap());
        let window = Window::Calendar(Calendar { period, time_zone, month_start, year_start });
        assert_eq!(window.at(now), (start, end), "{line}");
        // Windows follow each other without a gap.
        assert_eq!(window.at(end).0, end, "{line}");
        assert_eq!(window.at(end - 1), (start, end), "{line}");
        compared += 1;
    }
    assert_eq!(compared, 460);
}
