"""Words for the shares of a gradient, in the languages of the notes: direct, of its own step, of the steps after it."""

from __future__ import annotations

from derive.errors import InputError
from derive.reader.meaning.letters import label
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Group, Name, Syntax
from derive.reader.text.words import SAID, listed

DIRECT = frozenset(
    listed(
        "direct directly immediate explicit local partial "
        "直接 直接路径 直接路徑 局部 directo directa directe locale lokal direkt direto direta прямой локальный"
    )
)
INDIRECT = frozenset(listed("indirect indirectly 间接 间接路径 間接 indirecto indirecta indirecte indirekt"))
NOW = frozenset(
    listed(
        "current now output loss present 当前 當前 本步 输出 輸出 当前时刻 当前时间步 当前步 当前时刻的 "
        "actual presente salida actuel actuelle sortie aktuell aktueller ausgabe текущий выход"
    )
)
LATER = frozenset(
    listed(
        "future later next recurrent temporal 未来 未來 后续 後續 下一步 下一时刻 下一时间步 循环 "
        "futuro futura futuros siguiente recurrente futur future suivant récurrent récurrente "
        "zukunft zukünftig nächster rekurrent будущее следующий рекуррентный"
    )
)
VIA = frozenset(
    listed("via through path from along 经由 經由 通过 透過 路径 路徑 来自 來自 desde vía depuis durch über")
)
"""Words that say by what a share of a gradient comes."""
SAYING = frozenset(
    listed(
        "the a an gradient gradients error errors contribution contributions term terms part parts share from of at "
        "through via by timestep timesteps time step steps path paths loss all that comes flowing coming back in "
        "gradiente gradientes contribución contribuciones término términos parte del de la los las pasos paso tiempo "
        "contribution terme termes partie du des pas temps anteil beitrag gradienten fehler der des aus dem zeitschritt"
    )
)
"""What words for a share may say beside what they are the share of."""
LATER_LABELS = LATER | {"rec", "time", "fut"}
_OF_ALL = frozenset(["loss", "partial", "present", "actual"])
"""Words that behind a bar name a share, and elsewhere may say what the whole gradient is of."""
_OWN = frozenset(listed("local loc direct immediate instant lokal locale directo directe direkt 局部 直接 当前 本步"))


def share_in_words(spoken: set[str]) -> int:
    """The same for words that name a share and nothing else; 0 also where they name both, or say more."""
    later, now = spoken & LATER, spoken & ((NOW | DIRECT) - _OF_ALL)
    if not spoken - later - now <= SAYING:
        return 0
    return bool(later) - bool(now)


def share(part: Syntax, fragment: Fragment) -> int:
    """1 for the label of what comes back from the step after, -1 for that of a step's own share, 0 for any other."""
    while isinstance(part, Group) and len(part.rows) == 1 and len(part.rows[0]) == 1:
        (part,) = part.rows[0]
    try:
        word = part.word if isinstance(part, Name) else label(part, fragment)
    except InputError:
        return 0
    word = word.removeprefix(SAID).lower()
    return (word in LATER_LABELS) - (word in _OWN)
