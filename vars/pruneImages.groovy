import podwright.Bridge

/**
 * Removes old images of a repository, by count, age and protected tags.
 *
 * @param given what to look through, by name: the parameters are listed in pruneImages.txt
 * @return what was removed, or would be, as a map
 */
Object call(Object... given) {
  return new Bridge(this, 'pruneImages').command('prune', given, 'repository')
}
