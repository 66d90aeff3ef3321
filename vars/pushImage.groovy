import podwright.Bridge

/**
 * Pushes an image that buildImage(push: false, output: '...') has built: the same bytes.
 *
 * @param given what buildImage has returned, with credentials added; the parameters are listed in
 *   pushImage.txt
 * @return what is there now, as a map
 */
Object call(Object... given) {
  return new Bridge(this, 'pushImage').command('push', given, 'image')
}
