"""Totals: the shops, the wages, the votes and the genes of "Meaningful causal aggregation"; cholesterol; shampoo.

Each example asks what setting a total does. By which realisation is part of the question: where none is
named, the verdict is a refusal, and data give the range.
"""

from __future__ import annotations

from umbel.config.problem import StudySpec
from umbel.gallery.example import Example
from umbel.results.answer import VerdictWord

PAPER = (
    "Zhu, Budhathoki, Kübler and Janzing, Meaningful causal aggregation and paradoxical confounding, "
    "Causal Learning and Reasoning, 2024"
)
SHOPS = "Sales = sum(X1, X2); Revenue = weighted(X1: 3, X2: 1)"
PROMOTION = (
    "Z1 -> { X1 Y1 }; X1 -> Y1; Z2 -> { X2 Y2 }; X2 -> Y2; Z1 <-> Z2; Sales = sum(X1, X2); Revenue = sum(Y1, Y2)"
)
PRICES = (2.2, 5.6, 3.1, 9.9, 4.4, 2.8, 6.3, 3.7, 12.5, 4.9, 7.2, 3.3)
"""Of the twelve shampoos in the table."""
PRODUCTS = ", ".join(f"P{j + 1}" for j in range(len(PRICES)))
SHAMPOO = f"Sales = sum({PRODUCTS}); Revenue = weighted({', '.join(f'P{j + 1}: {p}' for j, p in enumerate(PRICES))})"


def _example(
    name: str,
    title: str,
    figure: str,
    graph: str,
    question: str,
    verdict: VerdictWord,
    formula: str,
    notes: str,
    table: str = "",
    references: tuple[str, ...] = (),
) -> Example:
    data = StudySpec(table=table) if table else None
    return Example(
        name=name,
        title=title,
        paper=PAPER,
        figure=figure,
        graph=graph,
        question=question,
        verdict=verdict,
        formula=formula,
        data=data,
        references=references,
        notes=notes,
    )


EXAMPLES: tuple[Example, ...] = (
    _example(
        "shop-a",
        "Shop A: what usually sells when 33 things sell",
        "shop A",
        SHOPS,
        "E[Revenue | do(Sales = 33 by natural)]",
        "identified",
        "E[Revenue | Sales = 33]",
        "Sales have means 10 and 20 and variances 4 and 9: the revenue is 54.8462, and nothing seems confounded.",
        "shops.csv",
    ),
    _example(
        "shop-b",
        "Shop B: sell as much of product 1 as ever, make up the total with product 2",
        "shop B",
        SHOPS,
        "E[Revenue | do(Sales = 33 by shift(X2))]",
        "identified",
        "Σ_{X1, X2, Sales} P(X1, X2, Sales) (Σ_{X2'} [X2' ~ X2 + (33 - Sales)] E[Revenue | X1, X2'])",
        "The revenue is 53, not 54.8462: the same total, and the macro level now looks confounded.",
        "shops.csv",
    ),
    _example(
        "shop-c",
        "The third shop: sell product 1 alone",
        "third shop",
        SHOPS,
        "E[Revenue | do(Sales = 33 by point(X1: Sales, X2: 0))]",
        "identified",
        "E[Revenue | X1 = 33, X2 = 0]",
        "The revenue is 99 with no spread: no macro model, confounded or not, explains both this and what is seen.",
        "shops.csv",
    ),
    _example(
        "shops-without",
        "The shops, with no word on how",
        "Example 1",
        SHOPS,
        "E[Revenue | do(Sales = 33)]",
        "refused",
        "",
        "Which product makes up the total decides: the table gives the range and the test.",
        "shops.csv",
    ),
    _example(
        "promotion",
        "Promotions that sell twice",
        "section 3.2.1",
        PROMOTION,
        "E[Revenue | do(Sales = 10 by natural)]",
        "identified",
        "Σ_{X1, X2} P(X1, X2 | Sales = 10) (Σ_{Z1, Z2} E[Revenue | X1, X2, Z1, Z2] P(Z1, Z2))",
        "In the paper every promotion sells one more at full price, X = Z: then no table tells prices and promotions "
        "apart, and a fit says so. With measured promotions of their own, condition (9) can be tested.",
    ),
    _example(
        "wages",
        "Hours and wages",
        "appendix G.1",
        "Hours = sum(H1, H2, H3); Wages = weighted(H1: 18, H2: 24, H3: 31)",
        "E[Wages | do(Hours = 500)] - E[Wages | do(Hours = 480)]",
        "refused",
        "",
        "Whose hours? Twenty of them cost from 360 to 620.",
    ),
    _example(
        "genes",
        "Micro-arrays: a drug on the sum of expressions",
        "appendix G.2",
        "latent U; U -> { G1 G2 G3 Disease }; { G1 G2 G3 } -> Disease; Expression = sum(G1, G2, G3)",
        "P(Disease | do(Expression = 5 by natural))",
        "unidentified",
        "",
        "Genes regulate each other: hidden causes reach the disease, and the natural realisation needs the effect of "
        "each gene.",
    ),
    _example(
        "votes",
        "Campaign time and votes",
        "appendix G.3",
        "X1 -> V1; X2 -> V2; X3 -> V3; Time = sum(X1, X2, X3); Votes = sum(V1, V2, V3)",
        "E[Votes | do(Time = 40 by natural)] - E[Votes | do(Time = 30 by natural)]",
        "identified",
        "E[Votes | Time = 40] - E[Votes | Time = 30]",
        "Ten hours more, spread over counties as campaigns do; another spread wins another number of votes.",
    ),
    _example(
        "cholesterol",
        "Total cholesterol and heart disease",
        "challenge 1",
        "Age -> { LDL HDL Risk }; { LDL HDL } -> Risk; LDL <-> HDL; Total = sum(LDL, HDL)",
        "E[Risk | do(Total = 5.5)] - E[Risk | do(Total = 5)]",
        "refused",
        "",
        "LDL raises the risk and HDL lowers it: half a unit of total cholesterol does harm or good.",
        "cholesterol.csv",
        ("Spirtes and Scheines, Causal inference of ambiguous manipulations, Philosophy of Science 71(5), 2004",),
    ),
    _example(
        "rubenstein",
        "Two interventions with one total",
        "appendix A",
        "X1 -> Y1; X2 -> Y2; Xbar = sum(X1, X2); Ybar = sum(Y1, Y2); states X1 = 2; states X2 = 2",
        "E[Ybar | do(Xbar = 1 by point(X1: 1, X2: 0))] - E[Ybar | do(Xbar = 1 by point(X1: 0, X2: 1))]",
        "identified",
        "E[Ybar | X1 = 1, X2 = 0] - E[Ybar | X1 = 0, X2 = 1]",
        "Both set the total to 1; the difference is alpha_1 - alpha_2, so that no macro model is consistent.",
        references=("Rubenstein et al., Causal consistency of structural equation models, UAI 2017",),
    ),
    _example(
        "shampoo",
        "Twelve shampoos: one more bottle, as bottles usually sell",
        "section 5",
        SHAMPOO,
        "E[Revenue | do(Sales = 1250 by natural)] - E[Revenue | do(Sales = 1200 by natural)]",
        "identified",
        "E[Revenue | Sales = 1250] - E[Revenue | Sales = 1200]",
        "Fifty bottles more bring what the season's mix brings; chosen freely they bring from 50 times the lowest "
        "price to 50 times the highest. umbel.aggregate.shampoo draws shops with thousands of products.",
        "shampoo.csv",
    ),
)
