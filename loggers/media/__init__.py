"""Values that are no number, as people have them: images, sounds, tables, graphs ... Start reading at `value`.

One module for each family; the face offers each class as ``crossboard.Image`` and so on. None of them is imported before it is used.
"""
