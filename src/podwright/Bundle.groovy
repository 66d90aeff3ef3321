package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'b12c0959a40f589666b2284736a8df5f2256bb6949d06ee5f5d0848db3de2908'
  static final String JOBS_SUM = '148f78108b42647310e28591873ab4c5e5d4633c5583d5cd983aa91f59241ba9'

  private static final long serialVersionUID = 1L
}
