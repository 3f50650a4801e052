"""What words beside a formula may say in German, French, Spanish, Portuguese, Russian, Vietnamese and Korean.

As in English, a word that is not listed leaves its formula open: conditions, negations and amounts are left out.
"""

from __future__ import annotations

from derive.reader.text.words import listed

NOUNS = frozenset(
    listed(
        "gatter tor vergessensgatter vergessenstor eingangsgatter eingangstor ausgangsgatter ausgangstor zelle "
        "zellzustand zustand verborgener versteckter ausgabe eingabe fehler verlust verlustfunktion gradient ableitung "
        "kettenregel produktregel gewichte bias schicht zeitschritt matrix vektor elementweise kandidat gedächtnis "
        "aktivierung aktivierungsfunktion rekursion skalar komponente diagonal vorwärts rückwärts definition "
        "porte portes oubli entrée sortie cellule état états caché cachée candidat mémoire perte erreur dérivée "
        "règle chaîne produit poids biais couche temps matrice vecteur fonction activation récurrence scalaire "
        "composante diagonale élément terme termes direct directe définition réinitialisation jour mise "
        "puerta puertas compuerta compuertas olvido entrada salida celda estado oculto oculta candidato memoria "
        "pérdida error gradiente derivada regla cadena producto pesos sesgo capa paso pasos tiempo matriz vector "
        "función activación recurrencia escalar componente término términos directo directa definición reinicio "
        "actualización elemento "
        "porta portas portão esquecimento saída célula oculto perda erro regra cadeia produto viés camada passo tempo "
        "vetor função ativação recorrência termo termos definição atualização "
        "вентиль вентили забывания входной выходной вход выход ячейка ячейки состояние состояния скрытое скрытого "
        "кандидат память ошибка потери функция градиент производная правило правилу цепочки цепное цепному "
        "произведения вес веса смещение слой шаг шаги время времени матрица вектор активация активации рекурсия "
        "скаляр компонента диагональ диагональная слагаемое определение поэлементно обновления сброса "
        "cổng quên vào ra ô nhớ trạng thái ẩn ứng viên mất mát lỗi đạo hàm quy tắc chuỗi tích trọng số lớp bước thời "
        "gian ma trận véc-tơ vectơ hàm kích hoạt cập nhật đặt lại "
        "tangens hyperbolicus tangente hyperbolique hiperbólica summe somme suma soma сумма schritte zeitschritte "
        "게이트 망각 입력 출력 셀 상태 은닉 후보 기억 손실 오차 기울기 그래디언트 미분 연쇄법칙 연쇄 법칙 가중치 편향 "
        "층 시점 행렬 벡터 함수 활성화 업데이트 리셋 메모리 새로운 정의 "
    )
)
"""Words that name things; those with a meaning of their own in another of these languages are left out."""
CONNECTIVES = frozenset(
    listed(
        "über sur sobre "
        "also somit daher folglich damit nach wegen durch der die das des dem den ein eine einer und aus mit von für "
        "ist sind wir erhalten gilt hier analog siehe "
        "donc ainsi alors par selon d'après le la les l' de du des un une et avec est sont nous obtenons ici voir où "
        "por según usando aplicando entonces luego así el los las del y con es son cada una tenemos obtenemos aquí "
        "donde ver "
        "pela pelo segundo então assim o os as do da dos das e com é são temos obtemos aqui onde "
        "по из через согласно тогда итак отсюда следовательно и с для это каждая каждый имеем получаем здесь где "
        "см "
        "theo do đó vì vậy nên của và với là ta có được mỗi một "
        "따라서 즉 이므로 의해 의한 에서 및 와 과 "
    )
)
"""Words that join formulas to the text around them."""

_BETWEEN = {
    "where": "wobei où donde onde где gdzie ただし 但し ここで ここに 여기서 단",
    "with": "mit avec con com с",
    "for": "für pour para для dla",
    "for all": "für_alle pour_tout pour_tous para_todo para_todos para_cada para_todas для_всех для_каждого "
    "dla_każdego dla_wszystkich すべての 全ての 任意の 모든",
    "if": "wenn falls si se если jeśli jeżeli もし 만약",
    "when": "quando cuando lorsque quand когда при gdy kiedy",
    "otherwise": "sonst sinon de_lo_contrario en_otro_caso caso_contrário senão иначе w_przeciwnym_razie "
    "それ以外 その他 그_외",
    "or": "oder ou или lub albo または 又は 또는",
    "and": "und et oraz および かつ 그리고 및",
}
"""Words that stand between formulas in English, and in these languages, Polish and Japanese."""
_ENGLISH = {word.replace("_", " "): english for english, words in _BETWEEN.items() for word in listed(words)}
_MARKS = " ,;:.()，、。；：（）"


def in_english(words: str) -> str:
    """Words between formulas in English, where they are one of the table alone; others as they are."""
    said = " ".join(words.strip(_MARKS).lower().split())
    return words.replace(words.strip(_MARKS), _ENGLISH[said]) if said in _ENGLISH else words
