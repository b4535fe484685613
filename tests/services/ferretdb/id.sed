# The index is on ->"_id" and the queries ask for ->'$._id': SQLite uses an index only for the expression it was made with.
s/IDColumn = DefaultColumn + "->'$\._id'"/IDColumn = DefaultColumn + `->"_id"`/
