BUGS = ()
