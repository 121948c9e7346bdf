#ifndef TIDEMILL_IO_PAGES_H
#define TIDEMILL_IO_PAGES_H

/*
 * Unmaps the pages of the program's and its libraries' code and constants; what is used again comes
 * back from the page cache at its first use. The start runs through the initialisers of three dozen
 * libraries, and the kernel maps the neighbours of each page that is touched: most of what is
 * resident then is never used again, and keeps the kernel from using its memory for others.
 * Nothing is lost: only segments that can't be written are let go. Linux alone; elsewhere nothing.
 */
void pages_give_back(void);

#endif
