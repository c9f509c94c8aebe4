//! What the other clones are doing: published to the hub as small states, read by object id.
