"""What a Chinese remark behind a formula may say, and that nothing else is passed over."""

import pytest

from derive.reader.claims.statements.prose import asides
from derive.reader.text.words import listed

_PLAIN = listed(
    "总量表达式 关键 纯乘性 加性为主 链式法则 由链式法则 隐状态输出 遺忘門 梯度傳播 直接路徑 来自下一时间步 "
    "两条路径之和 BPTT推导 由式(3)得 乘积法则 沿时间反向传播 核心公式 逐元素乘法 未來時間步 输出层的误差 "
    "对角矩阵，每个维度独立"
)
_OPEN = listed(
    "是错的 错误 不成立 错误示例 并非如此 反例 仅当t=T 只在最后一步 有误 有误差 有问题 待修正 应为U 应取转置 "
    "写反了 为0 是U 与权重的乘积 的平方 近似 忽略其他项 缺一项 正确的是W 是wrong 得到false 与实际相反 存疑 想当然 "
    "常见陷阱 别这样写 差一个负号 取反 转置 初学者写法 旧版 其中h为0 誤 錯誤示範 只有當前項 否 伪 除以T 的一半 截断 "
    "要加上循环项 前提是单步 请勿使用 これは誤り 틀림"
)


@pytest.mark.parametrize("shape", [r"\quad (\text{%s})", r"\quad \text{（%s）}", r"\quad \text{%s}", r" \text{(%s)}"])
def test_a_remark_that_is_not_known_is_not_passed_over(shape: str) -> None:
    known = [all(a.kind == "remark" for a in asides("a_t = b_t " + shape % words)) for words in _OPEN]
    assert not [words for words, passed in zip(_OPEN, known, strict=True) if passed]


@pytest.mark.parametrize("shape", [r"\quad (\text{%s})", r"\quad \text{（%s）}"])
def test_a_remark_that_says_nothing_against_a_formula_is_passed_over(shape: str) -> None:
    known = [[a.kind for a in asides("a_t = b_t " + shape % words)] == ["remark"] for words in _PLAIN]
    assert not [words for words, passed in zip(_PLAIN, known, strict=True) if not passed]
