package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'b5de43804eb7077229037257ad867d8864fdc6efd8ee8a70d13b3d98b9f7257f'
  static final String JOBS_SUM = '340f4ec4c539ac50c367404a3c9ef671abe4db8c0a6660c3ddad3f4ffa5f5e6e'

  private static final long serialVersionUID = 1L
}
