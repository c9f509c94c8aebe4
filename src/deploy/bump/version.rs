//! Versions: which one comes next, and what a person may ask for.

use semver::{BuildMetadata, Prerelease, Version};

/// What a bump was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Patch,
    Minor,
    Major,
    To(Version),
}

impl Part {
    /// `patch`, `minor`, `major`, or a version, with or without a `v` in front.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "patch" => Self::Patch,
            "minor" => Self::Minor,
            "major" => Self::Major,
            other => Self::To(Version::parse(other.strip_prefix('v').unwrap_or(other)).ok()?),
        })
    }

    /// The version after this one. A version before a release (`1.2.0-rc.1`) comes to that
    /// release first, as everywhere in the field.
    pub fn after(&self, now: &Version) -> Version {
        let mut next = Version::new(now.major, now.minor, now.patch);
        let (pre, BuildMetadata { .. }) = (now.pre != Prerelease::EMPTY, &now.build);
        match self {
            Self::To(version) => return version.clone(),
            Self::Patch if pre => {}
            Self::Patch => next.patch += 1,
            Self::Minor if pre && now.patch == 0 => {}
            Self::Minor => (next.minor, next.patch) = (now.minor + 1, 0),
            Self::Major if pre && now.minor == 0 && now.patch == 0 => {}
            Self::Major => next = Version::new(now.major + 1, 0, 0),
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_leads_to_the_version_that_people_expect() {
        for (now, part, next) in [
            ("2.4.0", "patch", "2.4.1"),
            ("2.4.9", "minor", "2.5.0"),
            ("2.4.9", "major", "3.0.0"),
            ("2.5.0-rc.1", "patch", "2.5.0"),
            ("2.5.0-rc.1", "minor", "2.5.0"),
            ("2.5.1-rc.1", "minor", "2.6.0"),
            ("2.5.0-rc.1", "major", "3.0.0"),
            ("3.0.0-rc.1", "major", "3.0.0"),
            ("2.4.0+7", "patch", "2.4.1"),
            ("2.4.0", "v4.0.0-beta.2", "4.0.0-beta.2"),
        ] {
            let part = Part::parse(part).unwrap();
            assert_eq!(part.after(&Version::parse(now).unwrap()).to_string(), next, "{now}");
        }
    }

    #[test]
    fn what_is_no_version_is_not_taken_for_one() {
        for text in ["", "1", "1.2", "1.2.3.4", "latest", "v", "1.2.x", "01.2.3", "-1.2.3"] {
            assert_eq!(Part::parse(text), None, "{text}");
        }
    }
}
