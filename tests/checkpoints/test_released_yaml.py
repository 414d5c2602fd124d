import pytest

from songbloom_x2.checkpoints.released_yaml import find_released, is_released, read_released
from songbloom_x2.config import OobleckConfig, SamplingConfig
from songbloom_x2.errors import CheckpointError


def read(path, **options):
    return read_released(find_released(path), **options)


def test_a_golden_config(golden):
    released = read(golden / "adaln-v")
    config = released.config
    assert (config.name, config.dim, config.num_heads, config.lm_layers, config.diff_layers) == ("adaln-v", 96, 3, 2, 3)
    assert (config.block_size, config.latent_dim, config.num_pitch, config.timestep_features_dim) == (4, 8, 48, 32)
    assert (config.time_cond_type, config.diffusion_objective) == ("adaLN", "v")
    assert config.rope_base_lm == config.rope_base_dit == 10000
    assert config.max_frames == 32
    assert config.instrumental_seconds == 1
    assert config.prompt.max_len == 50
    assert (config.lyrics.max_len, config.lyrics.max_sentences, len(config.lyrics.vocabulary)) == (120, 50, 330)
    assert config.lyrics.vocabulary[:3] == ("", "[intro]", "[outro]")
    assert config.codec == OobleckConfig(channels=2, final_tanh=False)
    assert (config.sample_rate, config.samples_per_frame) == (48000, 1920)
    assert config.sampling == SamplingConfig(
        cfg_lm=1.7,
        cfg_diff=1.2,
        dit_guidance="global",
        steps=8,
        temperature=1.0,
        diff_temperature=1.0,
        top_k=200,
        top_p=0.9,
        penalty_repeat=True,
        penalty_window=10,
    )
    assert "non-commercial" in config.licence
    assert released.weights.name == "adaln-v.pt"
    assert released.codec_weights.name == "autoencoder_music_dsp1920.ckpt"
    assert [file.name for file in released.config_files] == [
        "adaln-v.yaml",
        "stable_audio_1920_vae.json",
        "vocab_g2p.yaml",
    ]


def test_one_guidance_factor_means_both(golden):
    sampling = read(golden / "edges").config.sampling
    assert (sampling.cfg_lm, sampling.cfg_diff, sampling.dit_guidance) == (1.5, 1.5, "none")
    assert (sampling.diff_temperature, sampling.top_k) == (0.8, 5)


def test_the_long_model(released):
    folder = released("prepend-flow")
    folder.edit_yaml({"max_dur": 240, "inference.max_frames": ..., "model.rotary_base_val": 40000})
    long = read(folder.path)
    assert (long.config.rope_base_lm, long.config.rope_base_dit) == (40000, 20000)
    assert long.config.max_frames == 250 * 25
    assert long.config.instrumental_seconds == 5
    assert any("20000" in note and "240" in note for note in long.notes)
    asked = read(folder.path, rope_base_dit=12345)
    assert asked.config.rope_base_dit == 12345
    folder.edit_yaml({"max_dur": 150})
    short = read(folder.path).config
    assert (short.rope_base_dit, short.max_frames, short.instrumental_seconds) == (40000, 160 * 25, 1)


def test_what_is_left_out_means_the_released_defaults(released):
    folder = released("prepend-flow")
    left_out = ["model.rotary_base_val", "model.diffusion_objective", "model.time_cond_type", "model.h_dropout"]
    folder.edit_yaml(dict.fromkeys([*left_out, "inference"], ...))
    config = read(folder.path).config
    assert (config.rope_base_lm, config.diffusion_objective, config.time_cond_type) == (10000, "v", "prepend")
    assert config.h_dropout == 0
    assert (config.sampling.steps, config.sampling.top_k, config.sampling.temperature) == (50, 200, 1.0)
    assert config.max_frames == 30 * 25


def test_training_keys_do_not_matter(released):
    folder = released("prepend-flow")
    before = read(folder.path).config
    folder.edit_yaml(
        {
            "training": {"lr": "1e-4", "secret": "${oc.env:HOME}"},
            "model.timestep_sampler": "uniform",
            "model.attribute_dropout": {},
            "model.condition_provider_cfg.lyrics.interpolate": True,
            "model.fuser_cfg.prepend": ["prompt_wav", "lyrics"],
        }
    )
    assert read(folder.path).config == before


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model.use_flux", True, "'model.use_flux' is unknown"),
        ("model.backend", "bart", "'model.backend' is 'bart'"),
        ("model.pre_norm", True, "'model.pre_norm'"),
        ("model.num_heads", 5, "'model.num_heads' is 5"),
        ("model.num_heads", 4, "32 wide"),
        ("model.dim", "big", "'model.dim' is 'big', not a number"),
        ("model.dim", 2**40, "'model.dim'"),
        ("model.lm_layers", 10**6, "'model.lm_layers'"),
        ("model.lm_layers", 2.5, "not a whole number"),
        ("model.lm_layers", True, "not a number"),
        ("model.latent_dim", 64, "the codec's is 8"),
        ("model.time_cond_type", "film", "'model.time_cond_type' is 'film'"),
        ("model.diffusion_objective", "eps", "'model.diffusion_objective'"),
        ("model.timestep_features_dim", 33, "must be even"),
        ("model.fuser_cfg.cross", ["lyrics"], "'model.fuser_cfg.cross'"),
        ("model.fuser_cfg.prepend", ["lyrics"], "'model.fuser_cfg.prepend'"),
        ("model.condition_provider_cfg.melody", {}, "'model.condition_provider_cfg.melody' is unknown"),
        ("model.condition_provider_cfg.lyrics.mode", "concat", "'model.condition_provider_cfg.lyrics.mode'"),
        ("model.condition_provider_cfg.lyrics.stretch", 2, "lyrics.stretch' is unknown"),
        ("model.condition_provider_cfg.lyrics.vocab_list", ["", ".", ",", 3], "not a list of symbols"),
        ("model.condition_provider_cfg.lyrics.vocab_list", ["a", ".", ","], "begin with the empty symbol"),
        ("model.condition_provider_cfg.prompt_wav.type", "mulan", "prompt_wav.type"),
        ("inference.guidance", 3, "'inference.guidance' is no setting"),
        ("inference.cfg_coef", [1, 2, 3], "has 3 numbers"),
        ("inference.cfg_coef", float("nan"), "not a number"),
        ("inference.dit_cfg_type", "both", "'inference.dit_cfg_type' is 'both'"),
        ("inference.top_p", 2, "outside 0 to 1"),
        ("train_dataset.lyric_processor", "pinyin", "lyric_processor"),
        ("sr", 44100, "'sr' is 44100"),
        ("max_dur", ..., "'max_dur' is missing"),
        ("model", ..., "holds no released model"),
        ("vae", ..., "'vae' is missing"),
        ("vae.vae_cfg", "../stable_audio_1920_vae.json", "outside the model's folder"),
        ("vae.vae_ckpt", "/etc/passwd", "outside the model's folder"),
        ("pretrained_path", "${dynamic_path:???/../../edges.pt}", "outside the model's folder"),
        ("model.condition_provider_cfg.lyrics.vocab_list", "${load_yaml:/etc/hostname}", "outside the model's folder"),
        ("model.dim", "${eval:__import__('os').system('touch owned')}", "never run"),
        ("model.dim", "${sr}${sr}${sr}", "not a number"),
        ("model.dim", "${model.dim}", "refers to itself"),
    ],
)
def test_refusals_are_one_line_and_name_the_key(released, key, value, message):
    folder = released("edges")
    folder.edit_yaml({key: value})
    with pytest.raises(CheckpointError) as caught:
        read(folder.path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["model"].update(pretransform={"type": "x"}), "model.pretransform"),
        (lambda c: c["model"]["bottleneck"].update(type="rvq"), "model.bottleneck.type"),
        (lambda c: c["model"]["encoder"]["config"].update(use_snake=False), "model.encoder.config.use_snake"),
        (lambda c: c["model"]["decoder"]["config"].update(strides=[2, 4, 4, 6, 5]), "model.decoder.config.strides"),
        (lambda c: c["model"]["encoder"]["config"].update(latent_dim=8), "model.encoder.config.latent_dim"),
        (lambda c: c["model"].update(downsampling_ratio=2048), "model.downsampling_ratio"),
        (lambda c: c["model"]["decoder"]["config"].update(new_layer=1), "model.decoder.config.new_layer"),
        (lambda c: c.pop("sample_rate"), "sample_rate"),
        (lambda c: c["model"].pop("decoder"), "model.decoder"),
    ],
)
def test_the_codecs_json(released, change, message):
    import json

    folder = released("edges")
    path = folder.path / "stable_audio_1920_vae.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(CheckpointError, match=r"stable_audio_1920_vae\.json") as caught:
        read(folder.path)
    assert message in str(caught.value)


def test_which_files_make_a_model(released, tmp_path):
    folder = released("edges")
    assert find_released(folder.path) == find_released(folder.weights) == find_released(folder.yaml) == folder.yaml
    assert is_released(folder.path)
    other = folder.path / "second.yaml"
    other.write_text(folder.yaml.read_text())
    with pytest.raises(CheckpointError, match=r"several models \(edges\.yaml, second\.yaml\)"):
        find_released(folder.path)
    assert find_released(other) == other
    (tmp_path / "empty").mkdir()
    assert not is_released(tmp_path / "empty")
    with pytest.raises(CheckpointError, match="holds no released model"):
        find_released(tmp_path / "empty")
    with pytest.raises(CheckpointError, match="no such file or folder"):
        find_released(tmp_path / "nowhere")
    (tmp_path / "lonely.pt").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"lonely\.yaml is not beside it"):
        find_released(tmp_path / "lonely.pt")
