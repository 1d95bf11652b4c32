//! The habits of the tree that no compiler checks: short files, no unfinished code, no test that is switched off,
//! one spelling, every reason documented, no dead link. Knows nothing of what the code does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file longer than this has a seam that nobody has looked for.
const LINES_MAX: usize = 600;

/// A file of the tree with its path from the root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
    fn is_code(&self) -> bool {
        [".rs", ".proto", ".py", ".toml"].iter().any(|end| self.path.ends_with(end))
    }
    /// Lines with their numbers from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
    /// Rust without comments and without what stands in double quotes, line by line.
    fn bare_lines(&self) -> impl Iterator<Item = (usize, String)> {
        self.lines().map(|(number, line)| {
            let outside: String =
                line.replace("\\\"", "").split('"').step_by(2).collect::<Vec<_>>().join("\"");
            (number, outside.split("//").next().unwrap_or_default().to_owned())
        })
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace").to_owned()
}

fn tree() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                let skipped = ["target", "data", "__pycache__"].contains(&name) || name.starts_with('.');
                if !skipped {
                    folders.push(path);
                }
                continue;
            }
            let ends = [".rs", ".proto", ".py", ".md", ".toml"];
            if ends.iter().any(|end| name.ends_with(end)) {
                let text = std::fs::read_to_string(&path).expect("the file is UTF-8");
                let relative = path.strip_prefix(root()).expect("the file is in the tree");
                sources.push(Source { path: relative.to_string_lossy().into_owned(), text });
            }
        }
    }
    assert!(sources.len() > 100, "only {} files found: the walk is broken", sources.len());
    sources
}

fn too_long(sources: &[Source]) -> Vec<String> {
    let long = sources.iter().filter(|source| source.is_code() && source.text.lines().count() > LINES_MAX);
    long.map(|source| {
        format!("{} has {} lines, at most {LINES_MAX}", source.path, source.text.lines().count())
    })
    .collect()
}

fn unfinished(sources: &[Source]) -> Vec<String> {
    let banned = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore", "should_panic"];
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        for (number, line) in source.bare_lines() {
            for word in banned.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("{}:{number} has {word}", source.path));
            }
        }
    }
    faults
}

fn unexplained(sources: &[Source]) -> Vec<String> {
    let bare = |source: &&Source| source.is_rust() && !source.text.starts_with("//!");
    sources
        .iter()
        .filter(bare)
        .map(|source| format!("{} does not begin with a sentence on what it is for", source.path))
        .collect()
}

/// Spellings that the glossary rules out. In prose "fulfilment" is right; in a name it is not.
fn misspelt(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust() || source.path.ends_with(".proto")) {
        for (number, line) in source.bare_lines() {
            let lower = line.to_lowercase();
            for word in ["fulfilment", "call_centre", "callcentre", "canceled"] {
                if lower.contains(word) {
                    faults.push(format!("{}:{number} spells {word}; see docs/glossary.md", source.path));
                }
            }
        }
    }
    faults
}

/// The names in upper snake case that stand in the bodies of `fn reason`.
fn reasons(sources: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let ours = |source: &&Source| source.is_rust() && !source.path.contains("/tests/");
    for source in sources.iter().filter(ours) {
        for body in source.text.split("fn reason(&self)").skip(1) {
            let end = matching_brace(body);
            let names = body[..end].split('"').skip(1).step_by(2);
            found.extend(names.filter(|name| is_upper_snake(name)).map(ToOwned::to_owned));
        }
    }
    found
}

/// Where the braces that open in `text` are closed again.
fn matching_brace(text: &str) -> usize {
    let mut depth = 0i32;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn is_upper_snake(name: &str) -> bool {
    name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Rows of the tables of docs/errors that name a reason and then a status.
fn documented(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | `"));
    rows.map(|(reason, _)| reason.to_owned()).filter(|reason| is_upper_snake(reason)).collect()
}

/// Tests that docs/scenarios.md names in the last column and nobody wrote.
fn missing_tests(scenarios: &str, sources: &[Source]) -> Vec<String> {
    let named = scenarios.lines().filter_map(|line| line.strip_suffix("` |")?.rsplit('`').next());
    let is_there = |name: &&str| {
        let (rust, python) = (format!("fn {name}("), format!("def {name}("));
        sources.iter().any(|source| source.text.contains(&rust) || source.text.contains(&python))
    };
    named.filter(|name| !is_there(name)).map(|name| format!("there is no test {name}")).collect()
}

/// Links to files that are not there. Links to elsewhere and to headings are not followed.
fn dead_links(sources: &[Source], exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with(".md")) {
        let folder = Path::new(&source.path).parent().unwrap_or(Path::new(""));
        for link in source.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            let elsewhere = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
            if !elsewhere && !exists(&folder.join(file)) {
                faults.push(format!("{} links to {file}, which is not there", source.path));
            }
        }
    }
    faults
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    assert_none(&too_long(&tree()));
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    assert_none(&unfinished(&tree()));
}

#[test]
fn every_file_says_what_it_is_for() {
    assert_none(&unexplained(&tree()));
}

#[test]
fn names_are_spelt_one_way() {
    assert_none(&misspelt(&tree()));
}

#[test]
fn every_reason_is_documented_and_no_other() {
    let used = reasons(&tree());
    assert!(used.len() > 20, "only {} reasons found: the search is broken", used.len());
    let page = std::fs::read_to_string(root().join("docs/errors/README.md")).expect("the page can be read");
    let known = documented(&page);
    let undocumented: Vec<_> = used.difference(&known).collect();
    let unused: Vec<_> = known.difference(&used).collect();
    assert!(
        undocumented.is_empty() && unused.is_empty(),
        "docs/errors/README.md lacks {undocumented:?}, and lists {unused:?} which no code gives"
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    assert_none(&dead_links(&tree(), |path| root().join(path).exists()));
}

#[test]
fn every_scenario_has_its_test() {
    let page = std::fs::read_to_string(root().join("docs/scenarios.md")).expect("the page can be read");
    assert!(page.matches("` |\n").count() > 10, "too few scenarios found: the search is broken");
    assert_none(&missing_tests(&page, &tree()));
}

#[test]
fn what_a_user_notices_is_written_down() {
    let changes = std::fs::read_to_string(root().join("CHANGELOG.md")).expect("CHANGELOG.md can be read");
    assert!(changes.contains("## Unreleased"), "CHANGELOG.md has no section for what is not released yet");
}

/// The checks prove nothing unless they can fail.
#[test]
fn each_habit_is_missed_where_it_is_broken() {
    let code = "fn canceled() { todo!(); } // fulfilment is fine here\nlet s = \"fulfilment\";\n#[ignore]\n";
    let reason =
        "fn reason(&self) -> &str { match self { A { .. } => \"NEW_REASON\" } } fn f() { \"NOT_ONE\" }";
    let source = |path: &str, text: String| Source { path: path.to_owned(), text };
    let broken = [
        source("a.rs", code.to_owned() + reason),
        source("b.rs", "//! Long.\n".repeat(LINES_MAX + 1)),
        source("c.md", "[a](d.md) [b](https://e) [c](#f)".to_owned()),
    ];
    let faults = [
        too_long(&broken),
        unfinished(&broken),
        unexplained(&broken),
        misspelt(&broken),
        dead_links(&broken, |_| false),
    ];
    let expected: [&[&str]; 5] = [
        &["b.rs has 601 lines, at most 600"],
        &["a.rs:1 has todo!(", "a.rs:3 has #[ignore"],
        &["a.rs does not begin with a sentence on what it is for"],
        &["a.rs:1 spells canceled; see docs/glossary.md"],
        &["c.md links to d.md, which is not there"],
    ];
    assert_eq!(faults.map(|faults| faults.join("\n")), expected.map(|lines| lines.join("\n")));
    assert_eq!(reasons(&broken).into_iter().collect::<Vec<_>>(), ["NEW_REASON"]);
    assert_eq!(
        documented("| `NEW_REASON` | `OK` |\n| `STATUS` | x |").into_iter().collect::<Vec<_>>(),
        ["NEW_REASON"]
    );
}
