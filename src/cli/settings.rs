//! From arguments and `mediafit.toml` to the library's options. What the command line says wins.

use super::args::{CheckArgs, FitArgs, InputArgs, RepairArgs, RuleArgs, RunArgs};
use mediafit::batch::{Batch, WalkOptions};
use mediafit::config::{Config, FILE_NAME, FitSection};
use mediafit::policy::{Platform, Policy};
use mediafit::{Ffmpeg, Fitter, Result};
use std::path::{Path, PathBuf};

/// Everything that a run goes by.
pub(crate) struct Settings {
    /// The run over many files; holds what is done with each.
    pub(crate) batch: Batch,
    /// Which files are found.
    pub(crate) walk: WalkOptions,
}

impl RepairArgs {
    /// Lays what the command line says over what the configuration says.
    pub(crate) fn over(&self, fit: &mut FitSection) {
        fit.repair = self.repair.or(fit.repair);
        fit.strict = self.strict.or(fit.strict);
        fit.animated = self.animated.or(fit.animated);
        fit.salvage = self.salvage.or(fit.salvage);
        fit.keep_metadata = self.keep_metadata.or(fit.keep_metadata);
        fit.background = self.background.or(fit.background);
        fit.transparency = self.transparency.or(fit.transparency);
        fit.audio_codec = self.audio_codec.or(fit.audio_codec);
        fit.loudness = self.loudness.or(fit.loudness);
        fit.audio_language = self.audio_language.or(fit.audio_language);
        fit.engine = self.engine.or(fit.engine);
        fit.max_height = self.max_height.or(fit.max_height);
        fit.video_quality = self.video_quality.or(fit.video_quality);
        fit.target_size = self.target_size.or(fit.target_size);
        fit.trim_to_fit = self.trim_to_fit.or(fit.trim_to_fit);
        fit.time_limit = self.time_limit.or(fit.time_limit);
    }
}

impl Settings {
    /// For `check`.
    pub(crate) fn of_check(args: &CheckArgs) -> Result<Self> {
        Self::new(&args.rules, &args.inputs, &args.repair, &args.run)
    }

    /// For `fit`.
    pub(crate) fn of_fit(args: &FitArgs) -> Result<Self> {
        let mut settings = Self::new(&args.rules, &args.inputs, &args.repair, &args.run)?;
        settings.batch.link_kept = args.target.link_kept;
        settings.walk.exclude = vec![args.target.out.clone()];
        Ok(settings)
    }

    /// For a run on `inputs` that writes nothing.
    pub(crate) fn new(rules: &RuleArgs, inputs: &InputArgs, repair: &RepairArgs, run: &RunArgs) -> Result<Self> {
        let mut config = configured(rules)?;
        repair.over(&mut config.fit);
        let fitter = Fitter::new(config.rules()?).with_options(config.fit.options()).with_ffmpeg(Ffmpeg::find());
        let mut batch = Batch::new(fitter);
        batch.jobs = run.jobs.or(config.jobs).unwrap_or(batch.jobs);
        let walk = WalkOptions {
            role: inputs.role,
            roles: config.roles,
            base: config.folder,
            hidden: inputs.hidden,
            respect_gitignore: inputs.respect_gitignore,
            exclude: Vec::new(),
        };
        Ok(Self { batch, walk })
    }

    /// The rules in force.
    pub(crate) const fn policy(&self) -> &Policy {
        self.batch.fitter.policy()
    }
}

/// The configuration that was named, and not only found.
#[cfg(feature = "http")]
pub(crate) fn named(rules: &RuleArgs) -> Option<&Path> {
    rules.config.as_deref()
}

/// The configuration in force, with the rules that the command line names.
pub(crate) fn configured(rules: &RuleArgs) -> Result<Config> {
    let beside = || Some(PathBuf::from(FILE_NAME)).filter(|path| path.exists());
    let mut config = match rules.config.clone().or_else(beside) {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    config.platform = rules.platform.or(config.platform);
    config.policy = rules.policy.as_deref().map(Path::to_path_buf).or(config.policy);
    Ok(config)
}

/// What is to be said about the platform, if anything.
pub(crate) const fn notice(policy: &Policy) -> Option<&'static str> {
    match policy.platform {
        Platform::Cloud => None,
        Platform::OnPremise => Some("the On-Premise API ended in October 2025; these are its last rules"),
    }
}
