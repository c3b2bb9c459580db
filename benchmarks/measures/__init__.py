"""The measures, P1 to P18; each file has those of one kind."""

from benchmarks.measures.cliff import P8
from benchmarks.measures.conversation import P9
from benchmarks.measures.first_token import P1, P2
from benchmarks.measures.http_cost import P10
from benchmarks.measures.interference import P12
from benchmarks.measures.measure import Measure
from benchmarks.measures.memory import P15
from benchmarks.measures.neighbour import P18
from benchmarks.measures.sampling import P16, P17
from benchmarks.measures.starting import P11
from benchmarks.measures.throughput import P3, P4, P5, P6, P7

__all__ = ["LATER", "MEASURES", "Measure"]

MEASURES: tuple[Measure, ...] = (
    *(P1, P2, P3, P4, P5, P6, P7, P8, P9),
    *(P10, P11, P12, P15, P16, P17, P18),
)

LATER = {
    "P13": "Training tokens/s over `mlx_lm.lora`'s, same data, same settings",
    "P14": "Short request p95 while training runs, over p95 without",
}
"""Not measured yet; their lines stand in the table."""
