//! Shards of an evaluation, and tables.

use super::*;

/// An evaluation of one case with the given Dice by label.
fn part(case: &str, dice: &[(u16, f64)], protocol: Protocol) -> Evaluation {
    let score = |&(label, dice): &(u16, f64)| LabelScore {
        label,
        dice: Some(dice),
        hd95_mm: Some(2.0),
        hd95_voxels: Some(1.0),
        ml_predicted: 1.5,
        ml_true: 1.0,
    };
    let names = [(1, "liver, left".to_owned())].into();
    let ids = dice.iter().map(|&(label, _)| label);
    let labels = LabelSet::from_ids(ids, &names).expect("labels");
    let case = CaseScore {
        case: case.to_owned(),
        labels: dice.iter().map(score).collect(),
    };
    Evaluation::new(vec![case], &labels, protocol)
}

#[test]
fn parts_make_the_whole() {
    let zero = Protocol {
        empty: EmptyPolicy::Zero,
        ..Protocol::default()
    };
    let b = part("b", &[(1, 0.5)], zero);
    let a = part("a", &[(1, 0.9), (2, 0.7)], zero);
    let whole = Evaluation::merge(vec![b.clone(), a.clone()]).expect("two parts");
    let names: Vec<&str> = whole.cases.iter().map(|case| case.case.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    // Label 2 is in neither map of case b, which counts 0 here.
    let two = &whole.labels[1];
    assert_eq!(two.means.dice.expect("two cases").mean, 0.35);
    assert_eq!(whole.cases[1].labels[1].dice, None);

    let twice = Evaluation::merge(vec![a.clone(), a.clone()]).expect_err("one case twice");
    assert_eq!(twice, EvaluationError::Twice("a".to_owned()));
    let other = part("c", &[(1, 0.5)], Protocol::default());
    let mixed = Evaluation::merge(vec![a, other]).expect_err("two protocols");
    assert_eq!(
        mixed.to_string(),
        "the parts were measured differently (HD95 pooled with empty masks zero, and HD95 pooled with empty masks \
         nan); evaluate them with the same options"
    );
    assert!(Evaluation::merge(Vec::new()).expect("nothing").cases.is_empty());
}

#[test]
fn tables() {
    let protocol = Protocol::default();
    let parts = vec![
        part("a", &[(1, 0.5), (2, 0.25)], protocol),
        part("b", &[(1, 0.75)], protocol),
    ];
    let evaluation = Evaluation::merge(parts).expect("two parts");
    assert_eq!(
        evaluation.to_csv(None),
        "case,label,name,dice,hd95_mm,hd95_voxels,ml_predicted,ml_true\n\
         a,1,\"liver, left\",0.5,2,1,1.5,1\n\
         a,2,label 2,0.25,2,1,1.5,1\n\
         b,1,\"liver, left\",0.75,2,1,1.5,1\n\
         b,2,label 2,,,,0,0\n"
    );
    assert!(
        evaluation
            .to_csv(Some(Unit::Voxels))
            .starts_with("case,label,name,dice,hd95_voxels,ml")
    );
    assert_eq!(
        evaluation.to_markdown(Some(Unit::Mm)),
        "| 2 cases | Dice | HD95 mm | missed |\n\
         |---|---:|---:|---:|\n\
         | liver, left | 0.6250 ± 0.1768 | 2.00 ± 0.00 | 0 |\n\
         | label 2 | 0.2500 | 2.00 | 0 |\n\
         | mean | 0.4375 ± 0.2652 | 2.00 ± 0.00 | 0 |\n\n\
         Mean ± standard deviation over cases; HD95 pooled; empty masks nan; missed: one map has the \
         label, the other lacks it.\n"
    );
    assert_eq!(
        evaluation.to_lines(Some(Unit::Voxels))[1],
        "liver, left  0.6250 ± 0.1768  1.00 ± 0.00       0"
    );
}
