"""What operating systems do differently: each difference once, with a branch for Windows.

    systems.py    which system this is
    files.py      opening without following links, replacing and removing what others have open, lengths of paths
    locks.py      locks on files that end with the process
    processes.py  whether one runs, starting one that outlives us, signals that mean stop
    users.py      whose a file is, and whether others may look into it
    limits.py     cores, open files, addresses, file sizes, memory: what is built in, and the most that was held
    sockets.py    local sockets, and who is at the other end

Here: asking the system. Not here: what follows from the answer. Standard library only: the panel in Nuke and the installer
read this, too. No other module imports fcntl, resource, msvcrt or winreg, or asks for users, local sockets or signals that
one system lacks; ``tests/unit/system/test_doors.py`` looks. Shared memory has its door in ``propainter_wire/shm.py``.
The branches for Windows are run here with its calls stood in; TESTED.md lists what that cannot show.
"""
