//! What the names of labels say about left and right.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

/// Words that mean left: English, German, French, Spanish, Italian, Portuguese, Dutch, the Scandinavian languages,
/// Polish, Russian, Chinese and Japanese, with their abbreviations.
const LEFT: [&str; 31] = [
    "left",
    "l",
    "lt",
    "lh",
    "links",
    "linke",
    "linker",
    "linkes",
    "linken",
    "li",
    "gauche",
    "izquierdo",
    "izquierda",
    "izq",
    "sinistro",
    "sinistra",
    "sin",
    "sx",
    "esquerdo",
    "esquerda",
    "esq",
    "venstre",
    "vänster",
    "vänstra",
    "lewy",
    "lewa",
    "lewe",
    "левый",
    "левая",
    "левое",
    "左",
];

/// Words that mean right.
const RIGHT: [&str; 33] = [
    "right",
    "r",
    "rt",
    "rh",
    "rechts",
    "rechte",
    "rechter",
    "rechtes",
    "rechten",
    "re",
    "droit",
    "droite",
    "derecho",
    "derecha",
    "der",
    "destro",
    "destra",
    "dx",
    "dex",
    "direito",
    "direita",
    "dir",
    "høyre",
    "højre",
    "höger",
    "högra",
    "prawy",
    "prawa",
    "prawe",
    "правый",
    "правая",
    "правое",
    "右",
];

/// Parts of heart and liver are called left and right, but are no mirror images of each other.
const NOT_MIRRORED: [&str; 28] = [
    "heart",
    "cardiac",
    "ventricle",
    "ventricular",
    "atrium",
    "atrial",
    "myocardium",
    "coronary",
    "liver",
    "hepatic",
    "herz",
    "ventrikel",
    "vorhof",
    "leber",
    "foie",
    "herzkammer",
    "ventricule",
    "oreillette",
    "cœur",
    "coeur",
    "ventrículo",
    "aurícula",
    "corazón",
    "hígado",
    "ventricolo",
    "atrio",
    "cuore",
    "fegato",
];

/// The brain's ventricles are mirror images.
const MIRRORED: [&str; 4] = ["lateral", "lat", "brain", "cerebral"];

/// Second letters of abbreviations (`lv`, `ra`) of the heart's chambers.
const CHAMBERS: [&str; 2] = ["v", "a"];

/// Signs that are words by themselves.
const SIGNS: [char; 2] = ['左', '右'];

/// Words that say nothing of what a label is.
const GENERIC: [&str; 6] = ["label", "structure", "class", "roi", "segment", "organ"];

/// A side of the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// Pairs of labels, left and right, whose names differ in the side alone, and of which there is one each.
pub(super) fn named_pairs(names: &BTreeMap<u16, String>) -> Vec<(u16, u16)> {
    let mut found: BTreeMap<Vec<String>, [Vec<u16>; 2]> = BTreeMap::new();
    let abbreviate = abbreviations_are_sides(names);
    for (&id, name) in names {
        let words = words(name);
        let abbreviated = abbreviation(&words).filter(|_| abbreviate);
        let Some((side, rest)) = sided(&words).or(abbreviated) else {
            continue;
        };
        found.entry(rest).or_default()[side as usize].push(id);
    }
    let mirrored = found.into_iter().filter(|(rest, _)| is_mirrored(rest));
    let pairs = mirrored.filter_map(|(_, sides)| match sides.map(<[u16; 1]>::try_from) {
        [Ok([left]), Ok([right])] => Some((left, right)),
        _ => None,
    });
    pairs.collect()
}

/// Whether a name has a word for a side, or may have one in two letters (`lk`).
pub(super) fn has_side(name: &str) -> bool {
    let words = words(name);
    words.iter().any(|word| side(word).is_some()) || abbreviation(&words).is_some()
}

/// The words that say what a label is: numbers, single letters and words such as "label" left out.
pub(super) fn telling_words(name: &str) -> Vec<String> {
    let words = words(name).into_iter();
    let bare = words.map(|word| word.trim_end_matches(|letter: char| letter.is_numeric()).to_owned());
    bare.filter(|word| word.chars().count() > 1 && !GENERIC.contains(&word.as_str()))
        .collect()
}

/// A name's words in lower case: between separators, and where capitals begin a word (`KidneyLeft`, `LKidney`).
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.nfc().collect();
    let mut words = vec![String::new()];
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index));
        let lower_after = letters.get(index + 1).is_some_and(|after| after.is_lowercase());
        let begins = letter.is_uppercase() && before.is_some_and(|before| !before.is_uppercase() || lower_after);
        let around = before.is_some_and(|before| SIGNS.contains(before)) || SIGNS.contains(&letter);
        if begins || around || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn side(word: &str) -> Option<Side> {
    let left = LEFT.contains(&word).then_some(Side::Left);
    left.or(RIGHT.contains(&word).then_some(Side::Right))
}

/// The side that a name says, and its other words; `None` where it says none or several, or is a letter alone.
fn sided(words: &[String]) -> Option<(Side, Vec<String>)> {
    let mut sides = words.iter().filter_map(|word| side(word));
    let (Some(side_of_name), None) = (sides.next(), sides.next()) else {
        return None;
    };
    let letter_alone = words.len() == 1 && words.iter().all(|word| word.chars().count() == 1);
    let rest = words.iter().filter(|word| side(word).is_none()).cloned();
    (!letter_alone).then(|| (side_of_name, rest.collect()))
}

/// The side and the other letter of a name that is two letters, such as `lk`.
fn abbreviation(words: &[String]) -> Option<(Side, Vec<String>)> {
    let [word] = words else {
        return None;
    };
    let mut letters = word.chars();
    let (first, second, None) = (letters.next()?, letters.next()?, letters.next()) else {
        return None;
    };
    let side = match first {
        'l' => Side::Left,
        'r' => Side::Right,
        _ => return None,
    };
    second.is_alphabetic().then(|| (side, vec![second.to_string()]))
}

/// Whether two-letter names that begin with l or r mean sides: where each has its partner (`lk`, `rk`). In a data set
/// that calls the liver `li`, they are letters like any others.
fn abbreviations_are_sides(names: &BTreeMap<u16, String>) -> bool {
    let found = names.values().filter_map(|name| abbreviation(&words(name)));
    let (left, right): (Vec<_>, Vec<_>) = found.partition(|(side, _)| *side == Side::Left);
    let letters = |found: Vec<(Side, Vec<String>)>| found.into_iter().map(|(_, rest)| rest).collect::<BTreeSet<_>>();
    letters(left) == letters(right)
}

/// Whether what is called so has a mirror image on the other side.
fn is_mirrored(rest: &[String]) -> bool {
    let has = |list: &[&str]| rest.iter().any(|word| list.contains(&word.as_str()));
    let chamber = rest.len() == 1 && has(&CHAMBERS);
    !chamber && (!has(&NOT_MIRRORED) || has(&MIRRORED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(names: &[&str]) -> Vec<(u16, u16)> {
        let named = names.iter().zip(1..).map(|(name, id)| (id, (*name).to_owned()));
        named_pairs(&named.collect())
    }

    #[test]
    fn names_that_differ_in_the_side_are_pairs() {
        for (left, right) in [
            ("left kidney", "right kidney"),
            ("kidney_left", "kidney_right"),
            ("Kidney L", "Kidney R"),
            ("kidney_l", "kidney_r"),
            ("KIDNEY-LEFT", "KIDNEY-RIGHT"),
            ("kidney.left", "kidney.right"),
            ("KidneyLeft", "KidneyRight"),
            ("LKidney", "RKidney"),
            ("Kidney (L)", "Kidney (R)"),
            ("Lt Lung", "Rt Lung"),
            ("ctx-lh-cuneus", "ctx-rh-cuneus"),
            ("Niere links", "Niere rechts"),
            ("linke Niere", "rechte Niere"),
            ("linker Lungenflügel", "rechter Lungenflu\u{308}gel"),
            ("rein gauche", "rein droit"),
            ("glande surrénale gauche", "glande surrénale droite"),
            ("riñón izquierdo", "riñón derecho"),
            ("cadera izquierda", "cadera derecha"),
            ("Niere li", "Niere re"),
            ("riñón izq", "riñón der"),
            ("rene sinistro", "rene destro"),
            ("rim esquerdo", "rim direito"),
            ("venstre nyre", "høyre nyre"),
            ("nerka lewa", "nerka prawa"),
            ("левая почка", "правая почка"),
            ("左肾", "右肾"),
            ("Left", "Right"),
            ("lk", "rk"),
            ("LK", "RK"),
            ("left kidney", "kidney R"),
            ("rib_left_4", "rib_right_4"),
            ("Left-Lateral-Ventricle", "Right-Lateral-Ventricle"),
            ("lung_upper_lobe_left", "lung_upper_lobe_right"),
        ] {
            assert_eq!(pairs(&[left, right]), [(1, 2)], "{left}, {right}");
            assert_eq!(pairs(&[right, "spleen", left]), [(3, 1)], "{left}, {right}");
        }
    }

    #[test]
    fn other_names_are_no_pairs() {
        for names in [
            ["lobe", "robe"],
            ["liver", "river"],
            ["learned", "rearned"],
            ["left kidney", "right lung"],
            ["left kidney", "kidney"],
            ["leftover", "rightover"],
            ["upright", "upleft"],
            ["l", "r"],
            ["vertebra L1", "vertebra R1"],
            ["left left kidney", "right right kidney"],
            ["left to right shunt", "right to left shunt"],
            ["lv", "rv"],
            ["LA", "RA"],
            ["left ventricle", "right ventricle"],
            ["heart_atrium_left", "heart_atrium_right"],
            ["ventricule gauche", "ventricule droit"],
            ["ventrículo izquierdo", "ventrículo derecho"],
            ["linke Herzkammer", "rechte Herzkammer"],
            ["left lobe of liver", "right lobe of liver"],
            ["lib", "rib"],
            ["rib_left_1", "rib_right_2"],
            ["l1", "r1"],
            ["", " "],
        ] {
            assert_eq!(pairs(&names), [], "{names:?}");
        }
    }

    #[test]
    fn what_could_be_either_is_no_pair() {
        assert_eq!(pairs(&["lk", "rk", "li"]), [], "li is no left i");
        assert_eq!(pairs(&["lk", "rk", "sp"]), [(1, 2)]);
        assert_eq!(pairs(&["kidney_l", "kidney left", "kidney_r"]), []);
        assert_eq!(pairs(&["kidney_l", "lung_r", "kidney_r", "lung_l"]), [(1, 3), (4, 2)]);
    }

    #[test]
    fn words_that_tell_nothing_are_left_out() {
        assert_eq!(telling_words("Label 3"), Vec::<String>::new());
        assert_eq!(telling_words("kidney_2"), telling_words("Kidney1"));
        assert_eq!(telling_words("adrenal gland B"), ["adrenal", "gland"]);
    }
}
