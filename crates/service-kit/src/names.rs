//! Names of people as they are looked for: in words, however their letters are composed and cased, in any script. What
//! is indexed of a word is its beginning; the rest is compared when the name was opened.

use unicode_normalization::UnicodeNormalization;

/// Letters of a word that are indexed.
const LETTERS: usize = 3;
/// Words of one person that are indexed, at most; of a person with fewer, all are.
pub const WORDS_MAX: usize = 4;

/// The words of a name: NFKC, lower case, split at everything that is no letter or digit.
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    // Lower case can compose anew, so it comes between two normalisations.
    let lower: String = name.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let is_part = |c: char| c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c);
    lower.split(|c| !is_part(c)).filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
}

/// The beginning of a word by which it is found: 3 letters, or 1 character of a script that writes syllables or words. A
/// shorter word is its own beginning.
#[must_use]
pub fn beginning(word: &str) -> &str {
    let letters = if word.chars().next().is_some_and(is_dense) { 1 } else { LETTERS };
    word.char_indices().nth(letters).map_or(word, |(end, _)| &word[..end])
}

/// The beginnings that a person with these names is indexed under, each once, at most 4: those of the first and the last
/// word of each name before those of the words between, since people are asked for by these.
#[must_use]
pub fn beginnings<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let names: Vec<Vec<String>> = names.into_iter().map(words).collect();
    let ends = names.iter().flat_map(|words| words.first().into_iter().chain(words.last()));
    let between = names.iter().flat_map(|words| words.iter().skip(1));
    let mut found: Vec<String> = Vec::new();
    for word in ends.chain(between) {
        let beginning = beginning(word);
        if found.len() < WORDS_MAX && !found.iter().any(|known| known == beginning) {
            found.push(beginning.to_owned());
        }
    }
    found
}

/// True when every wanted word begins a word of the names; one that is shorter than what is indexed must be a whole word.
#[must_use]
pub fn match_all<'a>(wanted: &[String], names: impl IntoIterator<Item = &'a str>) -> bool {
    let there: Vec<String> = names.into_iter().flat_map(words).collect();
    wanted.iter().all(|wanted| {
        there.iter().any(|word| if is_short(wanted) { word == wanted } else { word.starts_with(wanted) })
    })
}

/// True for a word of fewer letters than are indexed of longer ones.
fn is_short(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_none_or(|first| !is_dense(first)) && letters.count() + 1 < LETTERS
}

/// Scripts in which one character says as much as several letters: Han, Hiragana, Katakana, Hangul.
fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_however_it_is_composed_and_cased() {
        assert_eq!(words("Zoë  O'Neill-Müller"), ["zoë", "o", "neill", "müller"]);
        assert_eq!(words("ZOE\u{308} Ｍüller"), ["zoë", "müller"]);
        assert_eq!(words("王小明"), ["王小明"]);
        assert_eq!(words("ｶﾀｶﾅ ﬁn"), ["カタカナ", "fin"]);
        assert!(words(" -- ").is_empty());
    }

    #[test]
    fn what_is_indexed_is_three_letters_or_one_character_of_a_dense_script() {
        assert_eq!(beginning("müller"), "mül");
        assert_eq!(beginning("li"), "li");
        assert_eq!(beginning("王小明"), "王");
        assert_eq!(beginning("김철수"), "김");
        assert_eq!(beginnings(["Ada King", "Adam King Noel of Lovelace"]), ["ada", "kin", "lov", "noe"]);
        assert_eq!(beginnings(["María del Carmen García López", ""]), ["mar", "lóp", "del", "car"]);
    }

    #[test]
    fn every_wanted_word_must_begin_a_word_and_a_short_one_must_be_one() {
        let names = ["Li Müllerová", "王小明"];
        let finds = |text: &str| match_all(&words(text), names);
        for found in ["MÜLL", "müllerova\u{301}", "li", "li mül", "王", "王小", "mül 王小明"] {
            assert!(finds(found), "{found}");
        }
        for other in ["l", "lim", "mu", "小", "王大", "li mei"] {
            assert!(!finds(other), "{other}");
        }
    }
}
