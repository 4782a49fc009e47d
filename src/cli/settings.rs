//! From arguments and `mediafit.toml` to the library's options. What the command line says wins.

use super::args::{CheckArgs, FitArgs, InputArgs, RepairArgs, RuleArgs, RunArgs};
use mediafit::batch::{Batch, WalkOptions};
use mediafit::config::{Config, FILE_NAME};
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

    fn new(rules: &RuleArgs, inputs: &InputArgs, repair: &RepairArgs, run: &RunArgs) -> Result<Self> {
        let mut config = configured(rules)?;
        let fit = &mut config.fit;
        fit.repair = repair.repair.or(fit.repair);
        fit.strict = repair.strict.or(fit.strict);
        fit.animated = repair.animated.or(fit.animated);
        fit.salvage = repair.salvage.or(fit.salvage);
        fit.keep_metadata = repair.keep_metadata.or(fit.keep_metadata);
        fit.background = repair.background.or(fit.background);
        fit.transparency = repair.transparency.or(fit.transparency);
        fit.audio_codec = repair.audio_codec.or(fit.audio_codec);
        fit.loudness = repair.loudness.or(fit.loudness);
        fit.language = repair.language.or(fit.language);
        fit.engine = repair.engine.or(fit.engine);
        fit.max_height = repair.max_height.or(fit.max_height);
        fit.target_size = repair.target_size.or(fit.target_size);
        fit.trim_to_fit = repair.trim_to_fit.or(fit.trim_to_fit);
        let fitter = Fitter::new(config.rules()?).with_options(config.fit.options()).with_ffmpeg(Ffmpeg::find());
        let mut batch = Batch::new(fitter);
        batch.jobs = run.jobs.or(config.jobs).unwrap_or(batch.jobs);
        let walk = WalkOptions {
            role: inputs.role,
            roles: config.roles,
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
