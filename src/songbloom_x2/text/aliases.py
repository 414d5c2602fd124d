"""What people call the parts of a song, and which released tag sings it; the words of directions and descriptions."""

from __future__ import annotations


def _listed(text: str) -> frozenset[str]:
    return frozenset(" ".join(name.split()) for name in text.split(","))


_NAMES = {
    "verse": """
        verse, ver, v, strophe, stanza, couplet, estrofa, verso, rap, rap verse, spoken word, pre-chorus,
        prechorus, pre chorus, pre, pc, pre-hook, pre hook, pre-refrain, pre refrain, build, build-up,
        buildup, build up, lift, climb, ramp, 主歌, 说唱, 說唱, 念白, 独白, 獨白, 导歌, 導歌, 预副歌,
        預副歌, 副歌前""",
    "chorus": """
        chorus, chor, ch, cho, hook, refrain, refrão, refrao, estribillo, coro, choir, ritornello, anthem,
        post-chorus, postchorus, post chorus, post-hook, post hook, tag, 副歌, 高潮, 合唱""",
    "bridge": """
        bridge, middle 8, middle eight, middle-eight, puente, ponte, brücke, c-part, c part, special, 桥段,
        橋段, 桥, 橋, 过渡段, 過渡段, 过渡, 過渡""",
    "intro": """
        intro, introduction, opening, prelude, start, fade in, fade-in, count in, 前奏, 开头, 開頭, 引子""",
    "inst": """
        inst, instr, instrumental, interlude, break, breakdown, solo, drop, riff, fill, jam, vamp, music,
        transition, instrumental break, instrumental solo, musical interlude, music break, turnaround,
        beat drop, bass drop, intermezzo, 间奏, 間奏, 独奏, 獨奏, 纯音乐, 純音樂, 器乐, 器樂""",
    "outro": """
        outro, ending, end, the end, coda, finale, fade out, fade-out, fadeout, fade, fin, postlude,
        closing, big finish, 尾奏, 尾声, 尾聲, 结尾, 結尾, 结束, 結束, 收尾""",
    "silence": "silence, pause, rest, stop, 静音, 靜音, 停顿, 停頓",
}

ALIASES: dict[str, str] = {name: tag for tag, names in _NAMES.items() for name in _listed(names)}
"""Lower-case name to the released tag, without brackets."""

PLAIN_NAMES = frozenset(_NAMES)
"""Names that are tags themselves: nothing needs to be said about them."""

HEADERS = _listed("""
    verse, pre-chorus, prechorus, pre chorus, chorus, post-chorus, postchorus, post chorus, hook, refrain,
    bridge, intro, outro, interlude, instrumental, instrumental break, inst, solo, coda, middle 8,
    middle eight, 主歌, 副歌, 桥段,
    橋段, 前奏, 间奏, 間奏, 尾奏, 导歌, 導歌, 预副歌, 預副歌""")
"""Names that make a header of a line of their own without brackets or colon."""

REPEATERS = _listed("repeat, rpt, again, 重复, 重複")

ORDINALS = _listed("""
    1st, 2nd, 3rd, 4th, first, second, third, fourth, last, final, double, one, two, three, four, five, six,
    i, ii, iii, iv, v, vi, a, b, c, x""")
"""Words that only number a section."""

INSTRUMENTS = _listed("""
    guitar, piano, drum, drums, bass, sax, saxophone, violin, strings, string, synth, organ, flute, trumpet,
    horn, horns, brass, harmonica, cello, banjo, fiddle, percussion, keyboard, orchestra, orchestral,
    electric, acoustic, band, instrumental, 吉他, 钢琴, 鋼琴""")

DIRECTIONS = _listed("""
    softly, quietly, loudly, slowly, gently, tenderly, whisper, whispers, whispered, whispering, spoken,
    speaking, shouted, shouting, screamed, screaming, laughs, laughing, laughter, sighs, sobbing, humming,
    hums, claps, clapping, applause, cheering, cheers, crowd, audience, crescendo, decrescendo, diminuendo,
    ritardando, rit, cappella, acapella, a-cappella, falsetto, harmony, harmonies, harmonized, harmonised,
    vocals, vocal, vocalist, duet, background, backing, ad-lib, ad-libs, adlib, adlibs, lib, libs,
    instrumental, fade, fades, fading, tempo, modulation, reverb, distorted, autotune, auto-tune, autotuned,
    energetic, melancholic, upbeat, breathy, raspy, swells, sung, singing, sings, rapped, rapping, chanting,
    chanted, beatbox, scat, scatting, whistling, whistles, yodel, vocalizing, vocalise, vocalization, sfx,
    chords, strumming, bpm, 轻声, 輕聲, 旁白, 男声, 女声, 男聲, 女聲, 掌声, 掌聲, 和声, 和聲, 男, 女, 合,
    齐, 齊, 笑, 哭""")
"""Words of stage directions, in any kind of brackets."""

SINGERS = _listed(
    "male, female, man, woman, both, all, everyone, together, duet, 男, 女, 合, 齐, 齊, 男声, 女声, 男聲, 女聲"
)
"""Who sings, before a colon."""

SCENERY = _listed("""
    soft, quiet, loud, slow, fast, faster, slower, gentle, shout, scream, screams, laugh, sigh, crying,
    clap, voice, voices, male, female, both, all, together, music, volume, key, pause, pauses, silence,
    echo, echoes, echoing, emotional, dramatic, melancholy, sad, happy, intense, intimate, powerful,
    building, builds, rising, falling, swell, stops, starts, enters, kicks, chant, chants, whistle, wind,
    rain, thunder, birds, footsteps, sound, sounds, effect, effects, sample, noise, static, bell, bells,
    chord, strum, groove, rhythm, melody, beat, drop, solo, half-time,
    halftime, double-time, change, changes, style, genre""")
"""Words that make a direction of what stands in square brackets, but may well be sung in round ones."""

LITTLE_WORDS = _listed("""
    a, an, and, the, in, on, at, to, with, by, of, for, out, up, over, only, more, very, low, high, deep,
    big, full, long, short, light, hard, no, then, into, under, again""")
"""Words that may stand beside the words of a direction without making it lyrics."""

METADATA = _listed("""
    title, song title, song, artist, album, genre, genres, style, styles, style of music, mood, bpm, tempo,
    key, tuning, capo, composer, producer, produced by, written by, lyrics, lyrics by, author, music by,
    vocals, vocal, vocalist, instrument, instruments, instrumentation, language, year, theme, energy,
    time signature, length, duration, offset, tool, ti, ar, al, au, by, re, ve, la, #, 歌名, 歌手, 作词,
    作詞, 作曲, 编曲, 編曲, 词, 詞, 曲, 专辑, 專輯, 风格, 風格, 演唱, 制作人""")
"""Names before a colon that describe the song: such a line is not sung. The shortest ones count only in brackets."""
