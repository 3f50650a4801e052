"""Chinese and Japanese labels before a formula and remarks behind it: which words say nothing against it.

What is known is a list of words; a remark that has any other word leaves its formula open.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from derive.patterns import regex
from derive.reader.text.words import listed

SCRIPT = regex(r"[\u3040-\u30ff\u3400-\u9fff]")
_WORDS = frozenset(
    listed(
        "其中 因此 所以 于是 从而 由此 可得 可知 得到 得出 得 即 那么 则 同理 类似地 "
        "类似 最后 最终 首先 然后 接着 另外 此外 这里 注意 由 根据 利用 使用 应用 通过 "
        "按照 由于 因为 链式法则 法则 链式 求导 求 偏导数 偏导 导数 梯度 公式 方程 等式 "
        "定义 上式 下式 如下 如上 遗忘门 输入门 输出门 更新门 重置门 候选 细胞 记忆 单元 "
        "门 隐藏层 输出层 输入层 隐藏 隐层 输入 输出 状态 误差 损失 损失函数 函数 "
        "目标函数 前向 反向 传播 前向传播 反向传播 计算 更新 推导 过程 步骤 矩阵 向量 "
        "权重 偏置 参数 激活函数 激活 循环 神经网络 对 关于 的 为 是 项 与 以及 我们 "
        "有 见 式 逐元素乘法 逐元素 逐点 元素 乘法 乘积 直接 路径 时间步 时刻 上一 前一 下一 来自 当前 未来 "
        "展开 递归 隐状态 细胞状态 隐藏状态 候选记忆 候选状态 记忆单元 贡献 乘积法则 乘法法则 复合函数 "
        "总量 总和 表达式 之和 两项 两部分 两条 三条 三项 三部分 关键 核心 重要 加性 乘性 纯加性 纯乘性 为主 沿 时间 "
        "消失 爆炸 流动 递推 结果 步 证毕 得证 交叉熵 雅可比 雅克比 外积 "
        "对角矩阵 对角 每个 维度 独立 上游 下游 上层 下层 总 隐藏态 候选态 线性变换 拆分 传给 累加 "
    )
)
"""Words that change nothing."""
_JAPANESE = (
    "連鎖律 連鎖 より から 逆伝播 順伝播 勾配 誤差 損失 隠れ状態 隠れ層 隠れ 状態 出力 入力 忘却 更新 候補 ゲート "
    "セル 記憶 時刻 直接 間接 寄与 現在 以降 次時刻 次 前 の に を は が で と へ である ここで したがって よって "
    "活性化関数 活性化 関数 線形変換 重み 行列 ベクトル 要素 ごと 要素積 微分 偏微分 定義 項 和 積"
)
_AGAINST = regex(r"有误差|[是为]\s*[A-Za-z0-9]")
"""What such words say together against a formula, or in its place."""
_JOINING = frozenset(listed("的 与 以及 项 乘积 乘法"))
"""What a remark that goes on with the formula begins with."""
_TRADITIONAL = str.maketrans(
    "從於則類終後導數應點憶單細層輸態誤損標傳計權參關隱遞歸時間徑來當貢獻總達兩條鍵純證積見這裡裏鏈對項們為與閘網絡經義據過驟陣選門遺",
    "从于则类终后导数应点忆单细层输态误损标传计权参关隐递归时间径来当贡献总达两条键纯证积见这里里链对项们为与门网络经义据过骤阵选门遗",
)
_ALL = _WORDS.union(word.translate(_TRADITIONAL) for word in listed(_JAPANESE))
_WORD = regex("|".join(sorted(_ALL, key=lambda word: (-len(word), word))))
_NUMBERED = regex(r"(?<=[式程骤])\s*[(（]?\d+(?:\.\d+)*[)）]?|[(（]\d+(?:\.\d+)*[)）]")
_MARKS = regex(r"[\s.,;:()\u3000-\u303f\uff01-\uff5e-]+")
_STEP = regex(r"(?<![A-Za-z])[tT]\s*[-+−]\s*1(?!\d)")
_LETTER = regex(r"[A-Za-z](?:_[A-Za-z0-9]{1,3})?")


def known(words: str, names: AbstractSet[str]) -> bool:
    """Whether these are words of the list, letters, and names among those given."""
    words = words.translate(_TRADITIONAL)
    rest = _WORD.sub(" ", _STEP.sub(" ", _NUMBERED.sub(" ", words)))
    return not _AGAINST.search(words) and all(
        part.lower() in names or _LETTER.fullmatch(part) for part in _MARKS.split(rest) if part
    )


def remark(words: str, names: AbstractSet[str]) -> bool:
    """Whether words behind a formula only say where it comes from or what it is about."""
    first = _WORD.match(_MARKS.sub("", words.translate(_TRADITIONAL)))
    return known(words, names) and not (first and first.group() in _JOINING)
