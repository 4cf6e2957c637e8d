"""From equations to machine code: trace, differentiate, factorise, write C (build time; needs sympy)."""
