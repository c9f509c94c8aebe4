//! Many words at once, in small letters or in capitals.
//!
//! Of each word four letters are chosen that seldom stand together. Whether some word may have
//! the four that stand at a place in a text is told by a table of pairs, small enough to be
//! always at hand; only where the answer is yes words are compared. The tables are made in no
//! time, so that a commit of one small file does not wait for them.

use std::ops::Range;

/// Capitals are small letters for the tables, and some other bytes are one; what is not the same
/// is told apart when words are compared.
const FOLD: u8 = 0x20;
/// Letters that stand in words are of one of these classes each; all others are of the first.
const CLASSES: usize = 64;
/// Words are in one of so many groups.
const GROUPS: usize = 21;
/// The groups of those with two letters, and with three.
const SHORT: [usize; 2] = [0, 1];
const SHORTER: u64 = 1 << SHORT[0] | 1 << SHORT[1];
/// The bits of all groups.
const ALL: u64 = (1 << GROUPS) - 1;
/// So many bits of a hash find the words.
const WORDS: u32 = 11;
/// So many say whether there is one at all: a table that stays at hand, and says no to most.
const THERE: u32 = 16;
/// So many bytes are looked at before what stands in them is told.
pub(super) const STEP: usize = 16 << 10;

/// The letters of texts and programs, the most frequent first; all others are rare.
const FREQUENT: &[u8] = b" -etaoinsrlcdu_pmhgfbvyw0k.,/1x()=2jqz3";
/// Two letters that often stand together.
const TOGETHER: &[&[u8; 2]] = &[
    b"th", b"he", b"in", b"er", b"an", b"re", b"nd", b"on", b"en", b"at", b"ou", b"ed", b"ha",
    b"to", b"or", b"it", b"is", b"hi", b"es", b"ng", b"st", b"ar", b"te", b"se", b"me", b"nt",
    b"al", b"ti", b"io", b"ra", b"li", b"co", b"de", b"ro", b"ri", b"ic", b"ne", b"ea", b"ve",
    b"ta", b"el", b"ll", b"la", b"as", b"ma", b"ce", b"il", b"om", b"ur", b"ch", b"tr", b"us",
    b"et", b"ca", b"ge", b"wi", b"ac", b"ck", b"pa", b"un", b"up", b"op", b"pe", b"le", b"ad",
    b"rk", b"wo", b"nk", b"pu", b"sh", b"sp", b"ab", b"bl", b"ai", b"na", b"am", b"pr", b"fu",
    b"ul", b"fi", b"lo", b"ss", b"--", b"==", b"__", b"//", b"aa",
];

/// The words that are met most often in programs and what is written about them.
const COMMON: &str = include_str!("common.txt");
/// So many bits of a hash tell the letters of those.
const MET: u32 = 14;

/// What stands somewhere: its end, its start, and the number of the word.
type Place = (usize, usize, usize);

/// Four letters of a word, and how many of its letters stand before them. Small, as all of them
/// should be at hand.
struct Mark {
    letters: u32,
    before: u32,
    word: u32,
}

/// A word of less than four letters, as four would be read in its place.
struct Short {
    letters: u32,
    mask: u32,
    word: u32,
}

/// The tables.
pub(super) struct Grams {
    class: Box<[u8; 256]>,
    /// For two letters, the groups in which they are the first two of a mark, the second and the
    /// third, and the last two.
    pairs: Box<[u64; CLASSES * CLASSES]>,
    marks: Vec<Mark>,
    /// Where the marks of each hash begin.
    heads: Vec<u32>,
    /// Whether some mark has a hash of more bits.
    there: Box<[u64; 1 << (THERE - 6)]>,
    /// Words of less than four letters, by the class of their first.
    short: Vec<Vec<Short>>,
}

fn hash(letters: u32, bits: u32) -> usize {
    (letters.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
}

fn folded(letters: [u8; 4]) -> u32 {
    u32::from_le_bytes(letters) | u32::from_le_bytes([FOLD; 4])
}

/// How often letters are met, as a guess.
struct Weights {
    letters: [usize; 256],
    together: [u64; 1 << 10],
    /// Four letters that stand in a common word.
    met: [u64; 1 << (MET - 6)],
}

impl Weights {
    fn new() -> Self {
        let (mut letters, mut together) = ([1; 256], [0; 1 << 10]);
        for (at, letter) in FREQUENT.iter().rev().enumerate() {
            letters[usize::from(*letter)] = at + 2;
        }
        for two in TOGETHER {
            let at = usize::from(u16::from_le_bytes(**two));
            together[at >> 6] |= 1_u64 << (at & 63);
        }
        let mut met = [0; 1 << (MET - 6)];
        for four in COMMON.split_ascii_whitespace().flat_map(|word| word.as_bytes().windows(4)) {
            let bit = four.first_chunk().map_or(0, |four| hash(folded(*four), MET));
            met[bit >> 6] |= 1_u64 << (bit & 63);
        }
        Self { letters, together, met }
    }

    fn of(&self, four: &[u8]) -> usize {
        let letters: usize = four.iter().map(|letter| self.letters[usize::from(*letter)]).product();
        let pairs = four.windows(2).map(|two| {
            let at = usize::from(u16::from_le_bytes([two[0], two[1]]));
            (self.together[at >> 6] >> (at & 63) & 1) as usize
        });
        let bit = four.first_chunk().map_or(0, |four| hash(folded(*four), MET));
        let met = (self.met[bit >> 6] >> (bit & 63) & 1) as usize;
        letters << (pairs.sum::<usize>() + 8 * met)
    }
}

/// The classes of the letters that stand in words.
fn classes<'w>(words: impl Iterator<Item = &'w [u8]>) -> Box<[u8; 256]> {
    let (mut class, mut known) = (Box::new([0; 256]), 0);
    for letter in words.flatten() {
        if class[usize::from(*letter)] == 0 {
            let new = 1 + known % 63;
            class[usize::from(letter.to_ascii_lowercase())] = new;
            class[usize::from(letter.to_ascii_uppercase())] = new;
            known += 1;
        }
    }
    class
}

impl Grams {
    #[allow(clippy::large_stack_arrays, reason = "32 KB, for a moment")]
    pub(super) fn new<W: AsRef<[u8]>>(words: &[W]) -> Self {
        let words = || words.iter().map(AsRef::as_ref);
        let class = classes(words());
        let pair = |a: u8, b: u8| pair(class[usize::from(a)], class[usize::from(b)]);
        let mut pairs = Box::new([0; CLASSES * CLASSES]);
        // Whatever stands after a short word.
        let any = 1_u64 << (GROUPS + SHORT[0]) | 1 << (2 * GROUPS + SHORT[0]);
        pairs.fill(any | 1 << (2 * GROUPS + SHORT[1]));
        let mut short: Vec<Vec<Short>> = (0..CLASSES).map(|_| Vec::new()).collect();
        let mut marks = Vec::with_capacity(words().size_hint().0);
        let weights = Weights::new();
        for (word, letters) in (0..).zip(words()) {
            match letters {
                [] => continue,
                [a] => (0..=u8::MAX).for_each(|b| pairs[pair(*a, b)] |= 1 << SHORT[0]),
                [a, b] => pairs[pair(*a, *b)] |= 1 << SHORT[0],
                [a, b, c] => {
                    pairs[pair(*a, *b)] |= 1 << SHORT[1];
                    pairs[pair(*b, *c)] |= 1 << (GROUPS + SHORT[1]);
                }
                _ => {
                    let fours = (0..).zip(letters.windows(4));
                    let rarest = fours.min_by_key(|(_, four)| weights.of(four));
                    let four = rarest.and_then(|(at, four)| Some((at, *four.first_chunk::<4>()?)));
                    marks.extend(four.map(|(before, four)| (four, before, word)));
                    continue;
                }
            }
            let (mut four, mut mask) = ([0; 4], [0; 4]);
            four[..letters.len()].copy_from_slice(letters);
            mask[..letters.len()].fill(0xff);
            let mask = u32::from_le_bytes(mask);
            let one = Short { letters: folded(four) & mask, mask, word };
            short[usize::from(class[usize::from(letters[0])])].push(one);
        }
        // Those that begin alike are in one group.
        marks.sort_unstable();
        let each = marks.len().div_ceil(GROUPS - SHORT.len()).max(1);
        for (at, ([a, b, c, d], ..)) in marks.iter().enumerate() {
            let group = SHORT.len() + at / each;
            pairs[pair(*a, *b)] |= 1 << group;
            pairs[pair(*b, *c)] |= 1 << (GROUPS + group);
            pairs[pair(*c, *d)] |= 1 << (2 * GROUPS + group);
        }
        let mark = |(four, before, word)| Mark { letters: folded(four), before, word };
        let mut marks: Vec<Mark> = marks.into_iter().map(mark).collect();
        marks.sort_by_key(|mark| hash(mark.letters, WORDS));
        let mut heads = vec![0; (1 << WORDS) + 1];
        let mut there = Box::new([0; 1 << (THERE - 6)]);
        for mark in &marks {
            heads[hash(mark.letters, WORDS) + 1] += 1;
            let bit = hash(mark.letters, THERE);
            there[bit >> 6] |= 1_u64 << (bit & 63);
        }
        (1..heads.len()).for_each(|at| heads[at] += heads[at - 1]);
        Self { class, pairs, marks, heads, there, short }
    }

    /// Tells each word that stands in the bytes, with its start, in the order of their ends, as
    /// long as more is wanted.
    pub(super) fn each<W: AsRef<[u8]>>(
        &self,
        words: &[W],
        bytes: &[u8],
        mut wants: impl FnMut(usize, usize) -> bool,
    ) {
        let mut found: Vec<Place> = Vec::new();
        for from in (0..bytes.len()).step_by(STEP) {
            let to = bytes.len().min(from + STEP);
            let mut compare = |at, groups| {
                if self.may_stand(bytes, at, groups) {
                    self.compare(words, bytes, at, groups, &mut found);
                }
            };
            let rest = self.step(bytes, from..to, &mut compare);
            (rest..to).for_each(|at| compare(at, ALL));
            // What is found later ends later.
            found.sort_unstable();
            let told = found.partition_point(|(end, ..)| *end <= to);
            for (_, start, word) in found.drain(..told) {
                if !wants(word, start) {
                    return;
                }
            }
        }
    }

    /// Tells each place in a part where the letters of a word may stand, with the groups of that
    /// word, and up to where it looked: at the end of the bytes there are not enough letters.
    fn step(&self, bytes: &[u8], part: Range<usize>, may: &mut impl FnMut(usize, u64)) -> usize {
        let mut at = part.start;
        let Some(letters) = bytes[at..].first_chunk::<3>() else { return at };
        let [mut first, mut second] = [0, 1].map(|at| self.groups(letters[at], letters[at + 1]));
        while at + 4 <= part.end
            && let Some([_, _, c, d, e, f, g]) = bytes[at..].first_chunk()
        {
            let third = self.groups(*c, *d);
            let a = first & second >> GROUPS & third >> (2 * GROUPS);
            let fourth = self.groups(*d, *e);
            let b = second & third >> GROUPS & fourth >> (2 * GROUPS);
            first = self.groups(*e, *f);
            let c = third & fourth >> GROUPS & first >> (2 * GROUPS);
            second = self.groups(*f, *g);
            let d = fourth & first >> GROUPS & second >> (2 * GROUPS);
            if (a | b | c | d) & ALL != 0 {
                let places = (at..).zip([a, b, c, d]).filter(|(_, groups)| groups & ALL != 0);
                places.for_each(|(at, groups)| may(at, groups));
            }
            at += 4;
        }
        at
    }

    #[inline]
    fn groups(&self, a: u8, b: u8) -> u64 {
        self.pairs[pair(self.class[usize::from(a)], self.class[usize::from(b)])]
    }

    /// Whether a word of some groups may have its mark at a place.
    #[inline]
    fn may_stand(&self, bytes: &[u8], at: usize, groups: u64) -> bool {
        groups & SHORTER != 0
            || bytes[at..].first_chunk::<4>().is_some_and(|four| {
                let bit = hash(folded(*four), THERE);
                self.there[bit >> 6] >> (bit & 63) & 1 != 0
            })
    }

    /// The words of some groups that have their mark at a place, or all of them if they are short.
    #[cold]
    fn compare<W: AsRef<[u8]>>(
        &self,
        words: &[W],
        bytes: &[u8],
        at: usize,
        groups: u64,
        found: &mut Vec<Place>,
    ) {
        let mut take = |start: usize, word: u32| {
            let word = word as usize;
            let letters = words[word].as_ref();
            let end = start + letters.len();
            if bytes.get(start..end).is_some_and(|here| here.eq_ignore_ascii_case(letters)) {
                found.push((end, start, word));
            }
        };
        if groups & SHORTER != 0 {
            let class = self.class[usize::from(bytes[at])];
            let four = bytes[at..].first_chunk::<4>().map(|four| folded(*four));
            let fits = |short: &&Short| four.is_none_or(|four| four & short.mask == short.letters);
            let list = self.short[usize::from(class)].iter().filter(fits);
            list.for_each(|short| take(at, short.word));
        }
        if groups & ALL & !SHORTER != 0
            && let Some(four) = bytes[at..].first_chunk::<4>()
        {
            let letters = folded(*four);
            let hash = hash(letters, WORDS);
            let marks = self.heads[hash] as usize..self.heads[hash + 1] as usize;
            for mark in &self.marks[marks] {
                let before = mark.before as usize;
                if mark.letters == letters && before <= at {
                    take(at - before, mark.word);
                }
            }
        }
    }
}

fn pair(a: u8, b: u8) -> usize {
    (usize::from(a) << 6 | usize::from(b)) % (CLASSES * CLASSES)
}
