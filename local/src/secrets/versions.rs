//! The versions of one secret, and the stages that say which is which.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::SecretError;

/// The version that is read by those who ask for none.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The version that a rotation is making.
const PENDING: &str = "AWSPENDING";
/// The version that was current before.
const PREVIOUS: &str = "AWSPREVIOUS";

const VERSION_ID_CHARS: RangeInclusive<usize> = 32..=64;
const VALUE_BYTES: RangeInclusive<usize> = 1..=65_536;
const STAGES_OF_A_CALL: RangeInclusive<usize> = 1..=20;
/// AWS keeps about a hundred versions, and drops old ones that have no stage.
const MAX_VERSIONS: usize = 100;

/// A secret's text, which goes to the file and into no log.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
struct Text(SecretString);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

/// One version. A rotation begins with one that has no value yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) stages: BTreeSet<String>,
    value: Option<Text>,
}

/// The versions of a secret, the oldest first.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Versions(Vec<Version>);

impl Versions {
    /// A secret as it is made: with a current version, or without any.
    pub(super) fn first(id: String, value: Option<SecretString>) -> Self {
        let Some(value) = value else {
            return Self::default();
        };
        let stages = BTreeSet::from([CURRENT.to_owned()]);
        Self(vec![Version { id, stages, value: Some(Text(value)) }])
    }

    /// The version of that name, in that stage; the current one when neither is asked for.
    pub(super) fn get(
        &self,
        id: Option<&str>,
        stage: Option<&str>,
    ) -> Result<(&Version, &SecretString), SecretError> {
        let (found, wanted) = match (id, stage.unwrap_or(CURRENT)) {
            (Some(id), _) => (self.find(id), format!("VersionId: {id}")),
            (None, stage) => (self.in_stage(stage), format!("staging label: {stage}")),
        };
        if found.is_some_and(|found| stage.is_some_and(|stage| !found.stages.contains(stage))) {
            let problem =
                "You provided a VersionStage that is not associated to the provided VersionId.";
            return Err(SecretError::InvalidRequest(problem.to_owned()));
        }
        found.and_then(|found| Some((found, &found.value.as_ref()?.0))).ok_or_else(|| {
            let problem =
                format!("Secrets Manager can't find the specified secret value for {wanted}");
            SecretError::ResourceNotFound(problem)
        })
    }

    /// Makes a version, or fills the one that a rotation has begun. A second time with the same
    /// value nothing happens.
    pub(super) fn put(
        &mut self,
        id: &str,
        value: SecretString,
        stages: &[String],
    ) -> Result<&Version, SecretError> {
        check_id(id)?;
        if !VALUE_BYTES.contains(&value.expose_secret().len()) {
            return Err(SecretError::Validation(
                "SecretString must be 1 to 65536 bytes long.".into(),
            ));
        }
        if !STAGES_OF_A_CALL.contains(&stages.len()) {
            return Err(SecretError::Validation("VersionStages must have 1 to 20 members.".into()));
        }
        match self.find(id).and_then(|version| version.value.as_ref()) {
            Some(Text(known)) if known.expose_secret() == value.expose_secret() => {}
            Some(_) => {
                let problem = format!("There is a version {id} already, with another value.");
                return Err(SecretError::ResourceExists(problem));
            }
            None => {
                let is_first = self.0.is_empty();
                self.fill(id, value);
                let current = is_first.then_some(CURRENT);
                for stage in stages.iter().map(String::as_str).chain(current) {
                    self.attach(stage, id);
                }
                self.drop_old();
            }
        }
        self.find(id).ok_or_else(|| no_version(id))
    }

    /// Moves a stage to the version `to`, or takes it away. `from` must have it now; whoever does
    /// not say where it is may only put it where it was nowhere.
    pub(super) fn move_stage(
        &mut self,
        stage: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), SecretError> {
        let refused = |problem: String| Err(SecretError::InvalidParameter(problem));
        let holder = self.in_stage(stage).map(|version| version.id.as_str());
        if from.is_some() && from != holder {
            return refused(format!(
                "When you move staging label {stage}, if you specify RemoveFromVersionId, it must \
                 be set to the version that currently has the staging label {stage}."
            ));
        }
        let Some(to) = to else {
            if stage == CURRENT || from.is_none() {
                return refused(format!(
                    "Staging label {stage} can only be moved, or you must say what from."
                ));
            }
            self.detach(stage);
            return Ok(());
        };
        if let (Some(holder), None) = (holder.filter(|holder| *holder != to), from) {
            return refused(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is \
                 currently attached to version {holder}, so you must explicitly reference that \
                 version in RemoveFromVersionId."
            ));
        }
        let target = self.find(to).ok_or_else(|| no_version(to))?;
        if stage == CURRENT && target.value.is_none() {
            return Err(no_version(to));
        }
        self.attach(stage, to);
        Ok(())
    }

    /// Begins a rotation: a version without a value, for the rotation's function to fill. There may
    /// be that version already, when the request comes a second time.
    pub(super) fn begin_rotation(&mut self, id: &str) -> Result<(), SecretError> {
        check_id(id)?;
        if self.find(id).is_some() {
            return Ok(());
        }
        if self.unfinished_rotation().is_some() {
            let problem = "A previous rotation isn't complete. That rotation will be reattempted.";
            return Err(SecretError::InvalidRequest(problem.to_owned()));
        }
        self.0.push(Version { id: id.to_owned(), stages: BTreeSet::new(), value: None });
        self.attach(PENDING, id);
        self.drop_old();
        Ok(())
    }

    /// The version that is pending and not the current one.
    pub(super) fn unfinished_rotation(&self) -> Option<&str> {
        let pending = self.in_stage(PENDING).filter(|version| !version.stages.contains(CURRENT));
        pending.map(|version| version.id.as_str())
    }

    /// Each version that is in a stage, with its stages.
    pub(super) fn stages(&self) -> BTreeMap<&str, &BTreeSet<String>> {
        let staged = self.0.iter().filter(|version| !version.stages.is_empty());
        staged.map(|version| (version.id.as_str(), &version.stages)).collect()
    }

    fn find(&self, id: &str) -> Option<&Version> {
        self.0.iter().find(|version| version.id == id)
    }

    fn in_stage(&self, stage: &str) -> Option<&Version> {
        self.0.iter().find(|version| version.stages.contains(stage))
    }

    fn fill(&mut self, id: &str, value: SecretString) {
        let value = Some(Text(value));
        match self.0.iter_mut().find(|version| version.id == id) {
            Some(begun) => begun.value = value,
            None => self.0.push(Version { id: id.to_owned(), stages: BTreeSet::new(), value }),
        }
    }

    /// A stage is on one version at most, and where it was current a version becomes previous.
    fn attach(&mut self, stage: &str, id: &str) {
        let holder = self.in_stage(stage).map(|version| version.id.clone());
        self.detach(stage);
        for version in self.0.iter_mut().filter(|version| version.id == id) {
            version.stages.insert(stage.to_owned());
        }
        if let Some(former) = holder.filter(|holder| stage == CURRENT && holder != id) {
            self.attach(PREVIOUS, &former);
        }
    }

    fn detach(&mut self, stage: &str) {
        for version in &mut self.0 {
            version.stages.remove(stage);
        }
    }

    fn drop_old(&mut self) {
        while self.0.len() > MAX_VERSIONS {
            let Some(oldest) = self.0.iter().position(|version| version.stages.is_empty()) else {
                return;
            };
            self.0.remove(oldest);
        }
    }
}

fn check_id(id: &str) -> Result<(), SecretError> {
    if VERSION_ID_CHARS.contains(&id.len()) {
        Ok(())
    } else {
        let problem = "ClientRequestToken must be 32-64 characters long.".to_owned();
        Err(SecretError::InvalidParameter(problem))
    }
}

fn no_version(id: &str) -> SecretError {
    SecretError::ResourceNotFound(format!(
        "Secrets Manager can't find the specified secret version: {id}"
    ))
}
