"""Types of single values as the wire bounds them: Go's integers, and times with an offset.

They are `int` and `datetime` to a program; the bounds hold where a document is read.
"""

from datetime import datetime
from typing import Annotated

import msgspec

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

# metav1.Time (whole seconds) and metav1.MicroTime (microseconds).
Time = Annotated[datetime, msgspec.Meta(tz=True)]
