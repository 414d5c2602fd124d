"""Words left out of the lyrics: what no family sings, and what a sentence filled at random could turn against people.

Beginnings of words, as regular expressions; ``$`` ends a word.
"""

from __future__ import annotations

import re

_BEGINNINGS = r"""
sex porn rap(e|ed|es|ing|ist) fuck shit bitch cunt cock dick puss whor slut nigg fag tit(s|ty) boob penis
vagin anal$ anus ass(es|hole)?$ arse bastard damn piss crap erot orgas nud(e|ity) naked nipple breast genital
condom masturb prostitut stripp kink fetish lesb gay homo hetero queer transg kill murder slay slaughter
suicid homicid genocid massacr terror bomb gun rifle pistol weapon tortur strangl stab behead execut corps
cadaver dead death die dying nazi hitler racis racial slave slavery lynch jihad islam muslim jew christ
catholic hindu cocain heroin meth marijuan opium opioid drug addict drunk booze cancer tumor tumour aids hiv
syphil herpes vomit puke feces turd poop urin semen sperm abort fetus pedoph incest molest abus assault violen
victim retard idiot moron stupid imbecil cripple freak hooker panties bra$ bras$ lingerie thong horny screw
suck bloody gore gory hell$ demon satan devil hate hatr virgin seduc lust pimp orgy bigot antisemit fascis
commun refugee holocaust negro gypsy ethnic colored savage execution hang(ed|ing) noose rectal rectum testic
ejacul menstru prostat ovar uter fertil pregnan harass bloat obes fat(ty|ties)?$ ugly cum$ jerk bang(ed|ing)$
balls?$ sadis masoch bond(age) intercourse promisc adulter brothel escort butt crotch groin bosom hump spank
whip(ped)?$
"""


def kept_out() -> re.Pattern[str]:
    """Matches the words that must not be sung."""
    return re.compile("^(" + "|".join(_BEGINNINGS.split()) + ")")
