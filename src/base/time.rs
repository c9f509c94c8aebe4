//! Moments. The clock itself is at `host::clock`; here is only arithmetic and wording.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in seconds since 1970, UTC. In JSON and files it is RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// `2025-11-18T10:00:00Z`
    pub fn rfc3339(self) -> String {
        DateTime::<Utc>::from_timestamp(self.0, 0).map_or_else(
            || "unknown".to_owned(),
            |time| time.to_rfc3339_opts(SecondsFormat::Secs, true),
        )
    }

    /// `20251118T100000Z`: for names of files.
    pub fn compact(self) -> String {
        DateTime::<Utc>::from_timestamp(self.0, 0)
            .map_or_else(|| "unknown".to_owned(), |time| time.format("%Y%m%dT%H%M%SZ").to_string())
    }

    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self(time.timestamp()))
    }

    /// `5 minutes ago`, as git words it. A moment that is still to come says so.
    pub fn ago(self, now: Self) -> String {
        let seconds = now.0 - self.0;
        if seconds < -60 {
            return format!("in {} (clocks differ)", amount(-seconds));
        }
        if seconds < 5 {
            return "just now".to_owned();
        }
        format!("{} ago", amount(seconds))
    }
}

fn amount(seconds: i64) -> String {
    let (n, unit) = match seconds {
        s if s < 90 => (s, "second"),
        s if s < 90 * 60 => (s / 60, "minute"),
        s if s < 36 * 3600 => (s / 3600, "hour"),
        s if s < 14 * 86400 => (s / 86400, "day"),
        s if s < 70 * 86400 => (s / (7 * 86400), "week"),
        s if s < 730 * 86400 => (s / (30 * 86400), "month"),
        s => (s / (365 * 86400), "year"),
    };
    super::count(usize::try_from(n).unwrap_or(0), unit)
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_worded_like_git_words_it() {
        let now = Time(1_700_000_000);
        assert_eq!(Time(now.0 - 3).ago(now), "just now");
        assert_eq!(Time(now.0 - 60).ago(now), "60 seconds ago");
        assert_eq!(Time(now.0 - 600).ago(now), "10 minutes ago");
        assert_eq!(Time(now.0 - 86400 * 3).ago(now), "3 days ago");
        assert_eq!(Time(now.0 + 7200).ago(now), "in 2 hours (clocks differ)");
    }

    #[test]
    fn a_time_is_written_and_read_the_same() {
        assert_eq!(Time::parse(&Time(1_763_460_000).rfc3339()), Some(Time(1_763_460_000)));
    }
}
