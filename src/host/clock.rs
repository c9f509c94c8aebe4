//! The door by which time enters.

use crate::base::Time;

/// Now, to the second.
#[expect(clippy::disallowed_methods, reason = "the door by which time enters")]
pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time(since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}
